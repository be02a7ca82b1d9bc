/// A file of an organisation.
#[must_use]
#[allow(
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason
)]
pub fn file_key(org: OrgId, path: &str) -> ::cache_runtime::__private::Key<File> {
    ::cache_runtime::__private::site!(
        declares "file_key", of("org:<org>:file:<path>", "tt", "File").seconds(3600u64)
        .none_ttl(::cache_runtime::__private::Ttl::from_secs(1u64)).version(3u32)
    )
        .write(|key: &mut ::cache_runtime::__private::KeyWriter<'_>| {
            key.literal("org:");
            key.part::<OrgId>(&::cache_runtime::__private::part(&org));
            key.literal(":file:");
            key.last_part::<str>(&::cache_runtime::__private::part(&path));
        })
        .typed()
}
