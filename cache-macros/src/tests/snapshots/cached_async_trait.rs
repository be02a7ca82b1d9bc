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
            match ::cache_runtime::__private::cached(
                    &self.cache,
                    &::cache_runtime::__private::Stored::<
                        (),
                    >::new(
                        {
                            static SITE: ::cache_runtime::__private::CallSite = ::cache_runtime::__private::CallSite::cached(
                                &[
                                    ::cache_runtime::__private::Template::expression(
                                            "project_key(id)",
                                        )
                                        .value("Project"),
                                ],
                                ::core::concat!(::core::module_path!(), "::", "get_project"),
                            );
                            ::cache_runtime::__private::register!(SITE);
                            &SITE
                        },
                        ::cache_runtime::__private::declared_key::<
                            Project,
                        >(project_key(id)),
                    ),
                    ::cache_runtime::__private::value_of::<
                        Project,
                    >(::cache_runtime::__private::probe::Probe::<Project>::new().hold()),
                    ::cache_runtime::__private::shape::Result,
                )
                .lookup()
            {
                ::cache_runtime::__private::Lookup::Hit(hit) => hit.wrap(),
                ::cache_runtime::__private::Lookup::Miss(miss) => {
                    miss.load(
                            ::cache_runtime::__private::Policy::declared(),
                            ::cache_runtime::__private::probe::Probe::<
                                Result<Project, DbError>,
                            >::new()
                                .failures(),
                            ::core::pin::pin!(
                                async move { if false { return
                                ::cache_runtime::__private::typed:: < Result < Project,
                                DbError > > (); } match () { () => { let __self = self; let
                                id = id; let __ret : Result < Project, DbError > = { __self
                                .db.project(id). await }; __ret } } }
                            ),
                        )
                        .await
                }
            }
        })
    }
}
