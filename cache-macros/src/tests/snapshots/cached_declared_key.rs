impl Service {
    pub async fn get_project(&self, id: u64) -> Option<Project> {
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
                    ::cache_runtime::__private::declared_key::<Project>(project_key(id)),
                ),
                ::cache_runtime::__private::value_of::<
                    Project,
                >(::cache_runtime::__private::probe::Probe::<Project>::new().hold()),
                ::cache_runtime::__private::shape::Option,
            )
            .lookup()
        {
            ::cache_runtime::__private::Lookup::Hit(hit) => hit.wrap(),
            ::cache_runtime::__private::Lookup::Miss(miss) => {
                miss.load(
                        ::cache_runtime::__private::Policy::declared()
                            .none_ttl(::cache_runtime::__private::Ttl::from_secs(5u64)),
                        ::cache_runtime::__private::Own,
                        ::core::pin::pin!(
                            async move { if false { return
                            ::cache_runtime::__private::typed:: < Option < Project > >
                            (); } match () { () => { self.db.project(id). await } } }
                        ),
                    )
                    .await
            }
        }
    }
}
