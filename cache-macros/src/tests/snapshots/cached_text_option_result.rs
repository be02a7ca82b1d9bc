impl Service {
    async fn by_slug(&self, slug: &str) -> Result<Option<Project>, DbError> {
        match ::cache_runtime::__private::cached(
                &self.cache,
                &Self::__key_project_3a_ptenant_q_3a_pslug_q(
                    ::cache_runtime::__private::part(&self.tenant),
                    ::cache_runtime::__private::part(&slug),
                ),
                ::cache_runtime::__private::value_of::<
                    Project,
                >(::cache_runtime::__private::probe::Probe::<Project>::new().hold()),
                ::cache_runtime::__private::shape::ResultOption,
            )
            .lookup()
        {
            ::cache_runtime::__private::Lookup::Hit(hit) => hit.wrap(),
            ::cache_runtime::__private::Lookup::Miss(miss) => {
                miss.load(
                        ::cache_runtime::__private::Policy::declared(),
                        ::cache_runtime::__private::probe::Probe::<
                            Result<Option<Project>, DbError>,
                        >::new()
                            .failures(),
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
        clippy::pedantic
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
    #[allow(dead_code, private_interfaces)]
    pub(crate) fn __key_project_3a_ptenant_q_3a_pslug_q(
        p0: impl ::cache_runtime::__private::KeyPart,
        p1: impl ::cache_runtime::__private::PartOf<str>,
    ) -> ::cache_runtime::__private::Stored<
        ::cache_runtime::__private::declared::Value<Project>,
    > {
        let site = {
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
            );
            ::cache_runtime::__private::register!(SITE);
            &SITE
        };
        let mut key = site.key();
        key.literal("project:");
        key.any_part(p0);
        key.literal(":");
        key.part::<str>(p1);
        ::cache_runtime::__private::Stored::new(site, key)
    }
}
