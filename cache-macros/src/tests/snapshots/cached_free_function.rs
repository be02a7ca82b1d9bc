async fn rate(
    cache: &KvCacheService,
    from: Currency,
    to: Currency,
) -> Result<u64, Error> {
    let cache = &::cache_runtime::__private::own(&cache);
    let miss = match ::cache_runtime::__private::cached(
            cache,
            ::cache_runtime::__private::Stored::<
                (),
                _,
            >::new(
                ::cache_runtime::__private::site!(
                    cached "rate", of("rate:<from>/<to>", "tt", "u64").seconds(60u64)
                ),
                |key: &mut ::cache_runtime::__private::KeyWriter<'_>| {
                    key.literal("rate:");
                    key.part::<Currency>(&::cache_runtime::__private::part(&from));
                    key.literal("/");
                    key.last_part::<Currency>(&::cache_runtime::__private::part(&to));
                },
            ),
            ::cache_runtime::__private::probe::of::<u64>().witness(),
            ::cache_runtime::__private::shape::Result,
        )
        .lookup()
    {
        ::core::result::Result::Ok(hit) => return hit.give(),
        ::core::result::Result::Err(miss) => miss,
    };
    miss.load(
            ::cache_runtime::__private::Policy::declared(),
            ::cache_runtime::__private::probe::of::<Result<u64, Error>>().failures(),
            ::core::pin::pin!(
                async move { if false { return ::cache_runtime::__private::typed:: <
                Result < u64, Error > > (); } match () { () => { ask(from, to). await } }
                }
            ),
        )
        .await
}
///The cache key of `rate`: `rate:<from>/<to>`.
#[must_use]
#[allow(dead_code, non_snake_case, private_interfaces, clippy::all, clippy::pedantic)]
fn rate_key(from: Currency, to: Currency) -> ::cache_runtime::__private::Key<u64> {
    ::cache_runtime::__private::RawKey::of(
            {
                static TEMPLATE: ::cache_runtime::__private::Template = ::cache_runtime::__private::Template::of(
                        "rate:<from>/<to>",
                        "tt",
                        "u64",
                    )
                    .seconds(60u64);
                &TEMPLATE
            },
            |key: &mut ::cache_runtime::__private::KeyWriter<'_>| {
                key.literal("rate:");
                key.part::<Currency>(&::cache_runtime::__private::part(&from));
                key.literal("/");
                key.last_part::<Currency>(&::cache_runtime::__private::part(&to));
            },
        )
        .typed()
}
#[doc(hidden)]
#[inline]
#[allow(dead_code, private_interfaces)]
pub(crate) fn __key_rate_3a_pfrom_q_2f_pto_q_in_cache<
    __P0: ::cache_runtime::__private::PartOf<Currency>,
    __P1: ::cache_runtime::__private::PartOf<Currency>,
>(
    p0: __P0,
    p1: __P1,
) -> ::cache_runtime::__private::Stored<
    ::cache_runtime::__private::declared::Value<u64>,
    ::cache_runtime::__private::Unwritten<(__P0, (__P1, ()))>,
> {
    const {
        ::core::assert!(
            ! < __P0 as ::cache_runtime::__private::KeyPart > ::IS_RAW,
            "a `RawPart` is written unescaped, so it may stand only in the last placeholder of \"rate:<from>/<to>\"; move it to the end"
        )
    };
    ::cache_runtime::__private::stored!(
        { cached "rate", of("rate:<from>/<to>", "tt", "u64").seconds(60u64) } (p0, (p1,
        ()))
    )
}
