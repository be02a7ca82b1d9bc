impl Service {
    async fn remove(&self, id: u64) -> Result<(), Error> {
        ::cache_runtime::__private::write(
                &self.cache,
                ::cache_runtime::__private::site!(
                    invalidates "remove", new("project:<id>")
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
                ],
            )
            .write_timeout(::cache_runtime::__private::Ttl::from_secs(120u64))
            .sync()
            .always()
            .run_strict(
                ::cache_runtime::__private::shape::Result,
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    Result < (), Error > > (); } match () { () => { self.db.remove(id).
                    await } } }
                ),
                |_| [],
            )
            .await
    }
}
