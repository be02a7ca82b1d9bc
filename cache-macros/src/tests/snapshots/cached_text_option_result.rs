impl Service {
    async fn by_slug(&self, slug: &str) -> Result<Option<Project>, DbError> {
        match ::cache_runtime::__private::cached(
                &self.cache,
                {
                    static SITE: ::cache_runtime::__private::CallSite = ::cache_runtime::__private::CallSite::cached(
                        &[
                            ::cache_runtime::__private::Template::new(
                                    "project:<self.tenant>:<slug>",
                                )
                                .kinds("tt")
                                .value("Project")
                                .ttl(::cache_runtime::__private::Ttl::from_secs(300u64))
                                .none_ttl(::cache_runtime::__private::Ttl::from_secs(5u64))
                                .version(2u32),
                        ],
                        ::core::concat!(::core::module_path!(), "::", "by_slug"),
                        ::core::file!(),
                        ::core::line!(),
                    );
                    ::cache_runtime::__private::register!(SITE);
                    &SITE
                },
                Self::__key_project_3a_ptenant_q_3a_pslug_q(
                    ::cache_runtime::__private::part(&self.tenant),
                    ::cache_runtime::__private::part(&slug),
                ),
                {
                    use ::cache_runtime::__private::probe::{AnyValue as _, Probe};
                    ::cache_runtime::__private::value_of::<
                        Project,
                    >(Probe::<Project>::new().hold())
                },
                ::cache_runtime::__private::shape::ResultOption,
            )
            .lookup()
        {
            ::cache_runtime::__private::Lookup::Hit(hit) => hit.wrap(),
            ::cache_runtime::__private::Lookup::Miss(miss) => {
                miss.load(
                        ::cache_runtime::__private::Policy::new(
                                ::cache_runtime::__private::Ttl::from_secs(300u64),
                            )
                            .none_ttl(::cache_runtime::__private::Ttl::from_secs(5u64))
                            .version(2u32),
                        {
                            use ::cache_runtime::__private::probe::{
                                NotCloned as _, Probe,
                            };
                            Probe::<Result<Option<Project>, DbError>>::new().failures()
                        },
                        ::core::pin::pin!(
                            async move { if false { return
                            ::cache_runtime::__private::typed:: < Result < Option <
                            Project >, DbError > > (); } match () { () => { if slug
                            .is_empty() { return Ok(None); } self.db.by_slug(slug). await
                            } } }
                        ),
                    )
                    .await
            }
        }
    }
    ///The cache key of `by_slug`: `project:<self.tenant>:<slug>`.
    #[must_use]
    #[allow(
        dead_code,
        non_snake_case,
        private_interfaces,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason
    )]
    fn by_slug_key(&self, slug: &str) -> ::cache_runtime::__private::Key<Project> {
        Self::__key_project_3a_ptenant_q_3a_pslug_q(
                ::cache_runtime::__private::part(&self.tenant),
                ::cache_runtime::__private::part(&slug),
            )
            .typed()
    }
    #[doc(hidden)]
    #[inline]
    #[allow(
        dead_code,
        non_snake_case,
        private_interfaces,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason
    )]
    pub(crate) fn __key_project_3a_ptenant_q_3a_pslug_q(
        p0: impl ::cache_runtime::__private::KeyPart,
        p1: impl ::cache_runtime::__private::PartOf<str>,
    ) -> ::cache_runtime::__private::RawKey {
        static TEMPLATE: ::cache_runtime::__private::Template = ::cache_runtime::__private::Template::new(
                "project:<self.tenant>:<slug>",
            )
            .kinds("tt")
            .value("Project")
            .ttl(::cache_runtime::__private::Ttl::from_secs(300u64))
            .none_ttl(::cache_runtime::__private::Ttl::from_secs(5u64))
            .version(2u32);
        ::cache_runtime::__private::Render::new(&TEMPLATE)
            .literal("project:")
            .any_part(p0)
            .literal(":")
            .part::<str>(p1)
            .finish()
    }
    #[doc(hidden)]
    #[allow(
        dead_code,
        non_snake_case,
        private_interfaces,
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason
    )]
    pub(crate) fn __key_project_3a_ptenant_q_3a_pslug_q_v() -> ::cache_runtime::__private::declared::Value<
        Project,
    > {
        ::cache_runtime::__private::declared::new()
    }
}
