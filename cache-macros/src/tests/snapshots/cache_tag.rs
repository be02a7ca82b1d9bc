/// All of an organisation.
#[must_use]
#[allow(
    clippy::needless_pass_by_value,
    clippy::trivially_copy_pass_by_ref,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason
)]
pub fn org_tag(org_id: u64) -> ::cache_runtime::__private::Tag {
    ::cache_runtime::__private::tag(
        ::cache_runtime::__private::RawKey::of(
            {
                static TEMPLATE: ::cache_runtime::__private::Template = ::cache_runtime::__private::Template::new(
                        "org:<org_id>",
                    )
                    .tag();
                &TEMPLATE
            },
            |key: &mut ::cache_runtime::__private::KeyWriter<'_>| {
                key.literal("org:");
                key.last_part::<u64>(&::cache_runtime::__private::part(&org_id));
            },
        ),
    )
}
