impl Service {
    pub async fn get_project(&self, id: u64) -> Option<Project> {
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
                    ::cache_runtime::__private::declared_key::<Project>(project_key(id)),
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
                ::cache_runtime::__private::Policy::declared()
                    .none_ttl(::cache_runtime::__private::Ttl::from_secs(5u64)),
                ::cache_runtime::__private::Own,
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    Option < Project > > (); } match () { () => { self.db.project(id).
                    await } } }
                ),
            )
            .await
    }
}
