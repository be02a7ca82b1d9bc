impl Projects for Service {
    async fn project(&self, id: u64) -> Option<Project> {
        let cache = &self.store;
        let miss = match ::cache_runtime::__private::cached(
                cache,
                Self::__key_project_3a_p_in_self_2estore(
                    ::cache_runtime::__private::part(&id),
                ),
                ::cache_runtime::__private::probe::of::<Project>().witness(),
                ::cache_runtime::__private::shape::Option,
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
                    Option < Project > > (); } match () { () => { self.db.project(id).
                    await } } }
                ),
            )
            .await
    }
    async fn remove(&self, id: u64) {
        ::cache_runtime::__private::write(
                &self.store,
                ::cache_runtime::__private::site!(
                    invalidates "remove", new("project:<id>")
                ),
                [
                    {
                        Self::__key_project_3a_p_in_self_2estore(
                            ::cache_runtime::__private::part(&id),
                        )
                    }
                        .raw(),
                ],
            )
            .run(
                {
                    use ::cache_runtime::__private::probe::{
                        NoOption as _, NoResult as _,
                    };
                    ::cache_runtime::__private::probe::of::<()>().result().option()
                },
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    () > (); } match () { () => { self.db.remove(id). await } } }
                ),
                |_| [],
            )
            .await
    }
    fn name(&self) -> &str {
        "projects"
    }
}
impl Service {
    #[doc(hidden)]
    #[allow(dead_code)]
    pub(crate) fn __cache_of_project_key() -> ::cache_runtime::__private::declared::In<
        13999559184025261716u64,
    > {
        ::cache_runtime::__private::declared::In
    }
    ///The cache key of `project`: `project:<id>`.
    #[must_use]
    #[allow(
        dead_code,
        non_snake_case,
        private_interfaces,
        clippy::all,
        clippy::pedantic
    )]
    pub(crate) fn project_key(id: u64) -> ::cache_runtime::__private::Key<Project> {
        Self::__key_project_3a_p_in_self_2estore(::cache_runtime::__private::part(&id))
            .typed()
    }
    #[doc(hidden)]
    #[inline]
    #[allow(dead_code, private_interfaces)]
    pub(crate) fn __key_project_3a_p_in_self_2estore<
        __P0: ::cache_runtime::__private::PartOf<u64>,
    >(
        p0: __P0,
    ) -> ::cache_runtime::__private::Stored<
        ::cache_runtime::__private::declared::Value<Project>,
        ::cache_runtime::__private::Unwritten<(__P0, ())>,
    > {
        ::cache_runtime::__private::stored!(
            { cached "project", of("project:<id>", "i", "Project").seconds(60u64) } (p0,
            ())
        )
    }
}
#[cached(__used)]
const _: () = ();
#[invalidates(__used)]
const _: () = ();
