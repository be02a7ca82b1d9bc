impl ::cache_runtime::__private::KeyPart for Kind {
    type Kind = Kind;
    const MAX_LEN: ::core::option::Option<usize> = ::core::option::Option::Some(5usize);
    fn write(&self, out: &mut ::cache_runtime::__private::PartWriter<'_>) {
        out.text(
            match self {
                Self::Small { .. } => "Small",
                Self::Large { .. } => "Large",
            },
        );
    }
}
