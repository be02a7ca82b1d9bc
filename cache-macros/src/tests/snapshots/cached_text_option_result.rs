impl Service {
    async fn by_slug(&self, slug: &str) -> Result<Option<Project>, DbError> {
        let miss = match ::cache_runtime::__private::cached(
                &self.cache,
                Self::__key_project_3a_ptenant_q_3a_pslug_q(
                    ::cache_runtime::__private::part(&self.tenant),
                    ::cache_runtime::__private::part(&slug),
                ),
                ::cache_runtime::__private::probe::of::<Project>().witness(),
                ::cache_runtime::__private::shape::ResultOption,
            )
            .lookup()
        {
            ::core::result::Result::Ok(hit) => return hit.give(),
            ::core::result::Result::Err(miss) => miss,
        };
        miss.load(
                ::cache_runtime::__private::Policy::declared(),
                ::cache_runtime::__private::probe::of::<
                    Result<Option<Project>, DbError>,
                >()
                    .failures(),
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    Result < Option < Project >, DbError > > (); } match () { () => { if
                    slug.is_empty() { return Ok(None); } self.db.by_slug(slug). await } }
                    }
                ),
            )
            .await
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
    pub(crate) fn __key_project_3a_ptenant_q_3a_pslug_q<
        __P0: ::cache_runtime::__private::KeyPart,
        __P1: ::cache_runtime::__private::PartOf<str>,
    >(
        p0: __P0,
        p1: __P1,
    ) -> ::cache_runtime::__private::Stored<
        ::cache_runtime::__private::declared::Value<Project>,
        ::cache_runtime::__private::Unwritten<(__P0, (__P1, ()))>,
    > {
        ::cache_runtime::__private::stored!(
            { cached "by_slug", of("project:<self.tenant>:<slug>", "tt", "Project")
            .seconds(300u64).none_ttl(::cache_runtime::__private::Ttl::from_secs(5u64))
            .version(2u32) } (p0, (p1, ()))
        )
    }
}
