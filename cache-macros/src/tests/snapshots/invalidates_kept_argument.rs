impl Service {
    async fn rename(&self, slug: String) -> Project {
        let kept_0 = ::cache_runtime::__private::keep(
            ::cache_runtime::__private::part(&slug),
        );
        ::cache_runtime::__private::write(
                &self.cache,
                ::cache_runtime::__private::site!(
                    invalidates "rename", new("slug:<slug>:<ret.id>")
                ),
                [],
            )
            .run(
                {
                    use ::cache_runtime::__private::probe::{
                        NoOption as _, NoResult as _,
                    };
                    ::cache_runtime::__private::probe::of::<Project>().result().option()
                },
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    Project > (); } match () { () => { self.db.rename(slug). await } } }
                ),
                |ret| [
                    {
                        #[diagnostic::on_unimplemented(
                            message = "no `#[cached]` method of `{Self}` has the key template \"slug:<slug>:<ret.id>\"",
                            label = "nothing caches this key",
                            note = "to invalidate a key of another type, name its key function: `#[invalidates(OtherService::get_key(id))]`",
                            note = "a template of an impl with other bounds than this one is not visible here",
                        )]
                        trait Cached {}
                        trait Fallback {
                            fn __key_slug_3a_pslug_q_3a_pid_q<P0, P1>(
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
                        Self::__key_slug_3a_pslug_q_3a_pid_q(
                            ::cache_runtime::__private::part(&kept_0),
                            ::cache_runtime::__private::part(&ret.id),
                        )
                    }
                        .raw(),
                ],
            )
            .await
    }
}
