impl ::cache_runtime::__private::KeyPart for ProjectId {
    type Kind = ProjectId;
    const MAX_LEN: ::core::option::Option<usize> = <u64 as ::cache_runtime::__private::KeyPart>::MAX_LEN;
    const IS_RAW: bool = <u64 as ::cache_runtime::__private::KeyPart>::IS_RAW;
    fn write(&self, out: &mut ::cache_runtime::__private::PartWriter<'_>) {
        <u64 as ::cache_runtime::__private::KeyPart>::write(&self.0, out)
    }
}
