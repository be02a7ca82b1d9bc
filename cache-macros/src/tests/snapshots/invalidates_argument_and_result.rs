impl Service {
    pub async fn update(&self, id: u64, change: Change) -> Result<Project, DbError> {
        ::cache_runtime::__private::write(
                &self.cache,
                ::cache_runtime::__private::site!(
                    invalidates "update", new("project:<id>"),
                    new("projects:<ret.org_id>"), expression("all_key()")
                    .value("Project")
                ),
                [
                    {
                        #[diagnostic::on_unimplemented(
                            message = "no `#[cached]` method of `{Self}` has the key template \"project:<id>\"",
                            label = "nothing caches this key",
                            note = "to invalidate a key of another type, name its key function: `#[invalidates(OtherService::get_key(id))]`",
                            note = "a template of an impl with other bounds than this one is not visible here",
                        )]
                        trait Cached {}
                        trait Fallback {
                            fn __key_project_3a_p<P0>(
                                _: P0,
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
                        Self::__key_project_3a_p(::cache_runtime::__private::part(&id))
                    }
                        .raw(),
                    ::cache_runtime::__private::any_key(all_key()),
                ],
            )
            .run(
                ::cache_runtime::__private::shape::Result,
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    Result < Project, DbError > > (); } match () { () => { self.db
                    .update(id, change). await } } }
                ),
                |ret| [
                    {
                        #[diagnostic::on_unimplemented(
                            message = "no `#[cached]` method of `{Self}` has the key template \"projects:<ret.org_id>\"",
                            label = "nothing caches this key",
                            note = "to invalidate a key of another type, name its key function: `#[invalidates(OtherService::get_key(id))]`",
                            note = "a template of an impl with other bounds than this one is not visible here",
                        )]
                        trait Cached {}
                        trait Fallback {
                            fn __key_projects_3a_p<P0>(
                                _: P0,
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
                        Self::__key_projects_3a_p(
                            ::cache_runtime::__private::part(&ret.org_id),
                        )
                    }
                        .raw(),
                ],
            )
            .await
    }
}
