impl Service {
    pub async fn get(&self, org_id: u64, id: u64) -> Project {
        let miss = match ::cache_runtime::__private::cached(
                &self.cache,
                Self::__key_project_3a_porg_5fid_q_3a_pid_q(
                    ::cache_runtime::__private::part(&org_id),
                    ::cache_runtime::__private::part(&id),
                ),
                ::cache_runtime::__private::probe::of::<Project>().witness(),
                ::cache_runtime::__private::shape::Plain,
            )
            .lookup()
        {
            ::core::result::Result::Ok(hit) => return hit.give(),
            ::core::result::Result::Err(miss) => miss,
        };
        miss.load(
                ::cache_runtime::__private::Policy::declared()
                    .tags([
                        ::cache_runtime::__private::tag(
                            Self::__tag_of_two_methods_needs_caching_on_the_impl_or_cache_tag_org_3a_p(
                                ::cache_runtime::__private::part(&org_id),
                            ),
                        ),
                        ::cache_runtime::__private::any_tag(user_tag(id)),
                    ]),
                ::cache_runtime::__private::Own,
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    Project > (); } match () { () => { self.db.project(org_id, id). await
                    } } }
                ),
            )
            .await
    }
    ///The cache key of `get`: `project:<org_id>:<id>`.
    #[must_use]
    #[allow(
        dead_code,
        non_snake_case,
        private_interfaces,
        clippy::all,
        clippy::pedantic
    )]
    pub fn get_key(org_id: u64, id: u64) -> ::cache_runtime::__private::Key<Project> {
        Self::__key_project_3a_porg_5fid_q_3a_pid_q(
                ::cache_runtime::__private::part(&org_id),
                ::cache_runtime::__private::part(&id),
            )
            .typed()
    }
    #[doc(hidden)]
    #[inline]
    #[allow(dead_code, private_interfaces)]
    pub(crate) fn __key_project_3a_porg_5fid_q_3a_pid_q<
        __P0: ::cache_runtime::__private::PartOf<u64>,
        __P1: ::cache_runtime::__private::PartOf<u64>,
    >(
        p0: __P0,
        p1: __P1,
    ) -> ::cache_runtime::__private::Stored<
        ::cache_runtime::__private::declared::Tagged<
            ::cache_runtime::__private::declared::Value<Project>,
        >,
        ::cache_runtime::__private::Unwritten<(__P0, (__P1, ()))>,
    > {
        ::cache_runtime::__private::stored!(
            { cached "get", of("project:<org_id>:<id>", "ii", "Project").seconds(300u64)
            .tagged(), new("org:<org_id>").tag(), expression("user_tag(id)").tag() } (p0,
            (p1, ()))
        )
    }
    #[doc(hidden)]
    #[inline]
    #[allow(dead_code, private_interfaces)]
    pub(crate) fn __tag_of_two_methods_needs_caching_on_the_impl_or_cache_tag_org_3a_p<
        __P0: ::cache_runtime::__private::PartOf<u64>,
    >(p0: __P0) -> ::cache_runtime::__private::RawKey {
        static TEMPLATE: ::cache_runtime::__private::Template = ::cache_runtime::__private::Template::new(
                "org:<org_id>",
            )
            .tag();
        ::cache_runtime::__private::write_parts(&TEMPLATE, &(p0, ()))
    }
}
