impl Service {
    /// One project.
    pub async fn get_project(&self, id: u64) -> Project {
        let miss = match ::cache_runtime::__private::cached(
                &self.cache,
                Self::__key_project_3a_p(::cache_runtime::__private::part(&id)),
                ::cache_runtime::__private::probe::of::<Project>().witness(),
                ::cache_runtime::__private::shape::Plain,
            )
            .lookup()
        {
            ::core::result::Result::Ok(hit) => return hit.give(),
            ::core::result::Result::Err(miss) => miss,
        };
        miss.load(
                ::cache_runtime::__private::Policy::declared(),
                ::cache_runtime::__private::Own,
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    Project > (); } match () { () => { self.db.project(id). await } } }
                ),
            )
            .await
    }
    ///The cache key of `get_project`: `project:<id>`.
    #[must_use]
    #[allow(
        dead_code,
        non_snake_case,
        private_interfaces,
        clippy::all,
        clippy::pedantic
    )]
    pub fn get_project_key(id: u64) -> ::cache_runtime::__private::Key<Project> {
        Self::__key_project_3a_p(::cache_runtime::__private::part(&id)).typed()
    }
    #[doc(hidden)]
    #[inline]
    #[allow(dead_code, private_interfaces)]
    pub(crate) fn __key_project_3a_p<__P0: ::cache_runtime::__private::PartOf<u64>>(
        p0: __P0,
    ) -> ::cache_runtime::__private::Stored<
        ::cache_runtime::__private::declared::Value<Project>,
        ::cache_runtime::__private::Unwritten<(__P0, ())>,
    > {
        ::cache_runtime::__private::stored!(
            { cached "get_project", of("project:<id>", "i", "Project").seconds(300u64) }
            (p0, ())
        )
    }
}
