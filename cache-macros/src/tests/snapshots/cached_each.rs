impl Service {
    pub async fn get_projects(
        &self,
        org_id: u64,
        ids: &[u64],
    ) -> Result<HashMap<u64, Project>, DbError> {
        match ::cache_runtime::__private::batch(
            &self.cache,
            ::cache_runtime::__private::site!(
                cached "get_projects", of("org:<org_id>:project:<id>", "ii", "Project")
            ),
            &ids[..],
            &::cache_runtime::__private::keys(
                &ids[..],
                |id| ::cache_runtime::__private::declared::batch_with_declared_ttl::<
                    Project,
                    _,
                >(
                    ::cache_runtime::__private::declared::batch_without_tags({
                        #[diagnostic::on_unimplemented(
                            message = "no `#[cached]` method of `{Self}` has the key template \"org:<org_id>:project:<id>\"",
                            label = "nothing caches this key",
                            note = "a batch shares the entries of a method of a single id: write that, as in `#[cached(key = \"project:<id>\", ttl = 300)]`, or name a declared key",
                            note = "a template of an impl with other bounds than this one is not visible here",
                        )]
                        trait Cached {}
                        trait Fallback {
                            fn __key_org_3a_porg_5fid_q_3aproject_3a_pid_q<P0, P1>(
                                _: P0,
                                _: P1,
                            ) -> ::cache_runtime::__private::Stored<
                                ::cache_runtime::__private::declared::Unknown,
                            >
                            where
                                Self: Cached,
                            {
                                ::cache_runtime::__private::typed()
                            }
                        }
                        impl<T: ?::core::marker::Sized> Fallback for T {}
                        Self::__key_org_3a_porg_5fid_q_3aproject_3a_pid_q(
                            ::cache_runtime::__private::part(&org_id),
                            ::cache_runtime::__private::part(&id),
                        )
                    }),
                ),
            ),
            ::cache_runtime::__private::probe::of::<Project>().witness(),
            ::cache_runtime::__private::shape::Result,
        ) {
            ::cache_runtime::__private::Batch::Hits(hits) => hits.wrap(),
            ::cache_runtime::__private::Batch::Misses(misses) => {
                misses
                    .load(
                        ::cache_runtime::__private::Policy::declared(),
                        ::cache_runtime::__private::probe::of::<
                            Result<HashMap<u64, Project>, DbError>,
                        >()
                            .failures(),
                        move |missing| async move {
                            let ids = &missing[..];
                            if false {
                                return ::cache_runtime::__private::typed::<
                                    Result<HashMap<u64, Project>, DbError>,
                                >();
                            }
                            match () {
                                () => self.db.projects(org_id, ids).await,
                            }
                        },
                    )
                    .await
            }
        }
    }
}
