impl Service {
    pub(crate) async fn page<Q: Query>(
        self,
        query: Q,
        number: u32,
        limit: usize,
    ) -> Vec<Row>
    where
        Q: Send,
    {
        let cache = &::cache_runtime::__private::own(&self.pages);
        let miss = match ::cache_runtime::__private::cached(
                cache,
                Self::__key_page_3a_powner_q_3a_pnumber_q_in_self_2epages(
                    ::cache_runtime::__private::part(&query.owner),
                    ::cache_runtime::__private::part(&number),
                ),
                ::cache_runtime::__private::probe::of::<Vec<Row>>().witness(),
                ::cache_runtime::__private::shape::Plain,
            )
            .lookup()
        {
            ::core::result::Result::Ok(hit) => return hit.give(),
            ::core::result::Result::Err(miss) => miss,
        };
        miss.load(
                ::cache_runtime::__private::Policy::<
                    Vec<Row>,
                >::new(::cache_runtime::__private::Ttl::from(Duration::from_secs(3)))
                    .cache_if(|page| !page.is_empty()),
                ::cache_runtime::__private::Own,
                ::core::pin::pin!(
                    async move { if false { return ::cache_runtime::__private::typed:: <
                    Vec < Row > > (); } match () { () => { self.rows(query, number,
                    limit). await } } }
                ),
            )
            .await
    }
    #[doc(hidden)]
    #[allow(dead_code)]
    pub(crate) fn __cache_of_page_cache_key() -> ::cache_runtime::__private::declared::In<
        5486790250568953337u64,
    > {
        ::cache_runtime::__private::declared::In
    }
    ///The cache key of `page`: `page:<query.owner>:<number>`.
    #[must_use]
    #[allow(
        dead_code,
        non_snake_case,
        private_interfaces,
        clippy::all,
        clippy::pedantic
    )]
    pub(crate) fn page_cache_key<Q: Query>(
        query: Q,
        number: u32,
    ) -> ::cache_runtime::__private::Key<Vec<Row>>
    where
        Q: Send,
    {
        Self::__key_page_3a_powner_q_3a_pnumber_q_in_self_2epages(
                ::cache_runtime::__private::part(&query.owner),
                ::cache_runtime::__private::part(&number),
            )
            .typed()
    }
    #[doc(hidden)]
    #[inline]
    #[allow(dead_code, private_interfaces)]
    pub(crate) fn __key_page_3a_powner_q_3a_pnumber_q_in_self_2epages<
        __P0: ::cache_runtime::__private::KeyPart,
        __P1: ::cache_runtime::__private::PartOf<u32>,
    >(
        p0: __P0,
        p1: __P1,
    ) -> ::cache_runtime::__private::Stored<
        ::cache_runtime::__private::declared::ValueWithoutTtl<Vec<Row>>,
        ::cache_runtime::__private::Unwritten<(__P0, (__P1, ()))>,
    > {
        const {
            ::core::assert!(
                ! < __P0 as ::cache_runtime::__private::KeyPart > ::IS_RAW,
                "a `RawPart` is written unescaped, so it may stand only in the last placeholder of \"page:<query.owner>:<number>\"; move it to the end"
            )
        };
        ::cache_runtime::__private::stored!(
            { cached "page", of("page:<query.owner>:<number>", "ti", "Vec<Row>")
            .key_fn("page_cache_key") } (p0, (p1, ()))
        )
    }
}
