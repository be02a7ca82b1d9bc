impl Service {
    fn get_project<'life0, 'async_trait>(
        &'life0 self,
        id: u64,
    ) -> ::core::pin::Pin<
        Box<
            dyn ::core::future::Future<
                Output = Result<Project, DbError>,
            > + ::core::marker::Send + 'async_trait,
        >,
    >
    where
        'life0: 'async_trait,
        Self: 'async_trait,
    {
        ::std::boxed::Box::pin(async move {
            let miss = match ::cache_runtime::__private::cached(
                    &self.cache,
                    ::cache_runtime::__private::Stored::<
                        (),
                        _,
                    >::new(
                        ::cache_runtime::__private::site!(
                            cached "get_project", expression("project_key(id)")
                            .value("Project")
                        ),
                        ::cache_runtime::__private::declared_key::<
                            Project,
                        >(project_key(id)),
                    ),
                    ::cache_runtime::__private::probe::of::<Project>().witness(),
                    ::cache_runtime::__private::shape::Result,
                )
                .lookup()
            {
                ::core::result::Result::Ok(hit) => return hit.give(),
                ::core::result::Result::Err(miss) => miss,
            };
            miss.load(
                    ::cache_runtime::__private::Policy::declared(),
                    ::cache_runtime::__private::probe::of::<Result<Project, DbError>>()
                        .failures(),
                    ::core::pin::pin!(
                        async move { if false { return
                        ::cache_runtime::__private::typed:: < Result < Project, DbError >
                        > (); } match () { () => { let __self = self; let id = id; let
                        __ret : Result < Project, DbError > = { __self.db.project(id).
                        await }; __ret } } }
                    ),
                )
                .await
        })
    }
}
