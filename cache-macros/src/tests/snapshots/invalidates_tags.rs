impl Service {
    async fn update(&self, id: u64) -> Result<Project, DbError> {
        ::cache_runtime::__private::write(
                &self.cache,
                ::cache_runtime::__private::site!(
                    invalidates "update", new("project:<id>"), new("org:<ret.org_id>")
                    .tag(), expression("user_tag(id)").tag()
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
                    ::cache_runtime::__private::stale_tag(user_tag(id)),
                ],
            )
            .run(
                ::cache_runtime::__private::shape::Result,
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    Result < Project, DbError > > (); } match () { () => { self.db
                    .update(id). await } } }
                ),
                |ret| [
                    {
                        #[diagnostic::on_unimplemented(
                            message = "no `#[cached]` method of `{Self}` has the tag template \"org:<ret.org_id>\"",
                            label = "nothing carries this tag",
                            note = "declare a tag of several types once, as in `#[cache_tag(\"org:<org_id>\")] fn org_tag(org_id: u64);`, and name it: `tags = [org_tag(org_id)]`",
                            note = "a template of an impl with other bounds than this one is not visible here",
                        )]
                        trait Cached {}
                        trait Fallback {
                            fn __tag_of_two_methods_needs_caching_on_the_impl_or_cache_tag_org_3a_p<
                                P0,
                            >(_: P0) -> ::cache_runtime::__private::RawKey
                            where
                                Self: Cached,
                            {
                                ::cache_runtime::__private::typed()
                            }
                        }
                        impl<T: ?::core::marker::Sized> Fallback for T {}
                        Self::__tag_of_two_methods_needs_caching_on_the_impl_or_cache_tag_org_3a_p(
                            ::cache_runtime::__private::part(&ret.org_id),
                        )
                    },
                ],
            )
            .await
    }
}
