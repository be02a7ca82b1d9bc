//! `stale_if_error` and `timeout`.

use std::time::Duration;

use cache_runtime::{Policy, Ttl};

use crate::shop::{Failure, Shop, Source, stats};

#[tokio::test]
async fn a_stale_value_is_served_when_the_load_fails_and_until_its_window_ends() {
    let shop = Shop::new();
    assert_eq!(shop.on_error(1).await, Ok(1));
    shop.source(Source::Fails);
    let before = stats("on_error").stale;
    shop.pass(60);
    assert_eq!(shop.on_error(1).await, Ok(1));
    assert!(stats("on_error").stale > before);
    shop.pass(3599);
    assert_eq!(shop.on_error(1).await, Ok(1));
    shop.pass(1);
    assert_eq!(shop.on_error(1).await, Err(Failure::Source));
    assert_eq!(shop.loads(), 4, "each of them tried to load");
}

#[tokio::test]
async fn a_load_that_succeeds_replaces_the_stale_value() {
    let shop = Shop::new();
    assert_eq!(shop.on_error(1).await, Ok(1));
    shop.pass(61);
    shop.set(2);
    assert_eq!(shop.on_error(1).await, Ok(2));
    shop.source(Source::Fails);
    shop.pass(61);
    assert_eq!(shop.on_error(1).await, Ok(2));
}

#[tokio::test]
async fn a_load_that_takes_too_long_is_dropped_and_the_stale_value_served() {
    let shop = Shop::new();
    assert_eq!(shop.on_error(1).await, Ok(1));
    shop.pass(61);
    shop.source(Source::Hangs);
    let (served, ()) = tokio::join!(shop.on_error(1), async {
        shop.idle().await;
        shop.pass(2);
    });
    assert_eq!(served, Ok(1));
}

#[tokio::test]
async fn a_load_that_takes_too_long_without_a_stale_value_is_an_error() {
    let shop = Shop::new();
    shop.source(Source::Hangs);
    let (failed, ()) = tokio::join!(shop.timed(1), async {
        shop.idle().await;
        shop.pass(2);
    });
    assert_eq!(failed, Err(Failure::TimedOut));
    shop.source(Source::Serves);
    assert_eq!(shop.timed(1).await, Ok(1), "the next one loads");
}

#[tokio::test]
async fn who_waits_for_a_load_that_fails_is_served_the_stale_value_too() {
    let shop = Shop::new();
    assert_eq!(shop.on_error(1).await, Ok(1));
    shop.pass(61);
    shop.source(Source::Hangs);
    let calls = futures_util::future::join_all((0..20).map(|_| shop.on_error(1)));
    let (served, ()) = tokio::join!(calls, async {
        shop.idle().await;
        shop.pass(2);
    });
    assert_eq!(served, vec![Ok(1); 20]);
    assert_eq!(shop.loads(), 2, "one load for all");
}

#[tokio::test]
async fn a_stale_value_is_not_served_after_an_invalidation() {
    let shop = Shop::new();
    assert_eq!(shop.on_error(1).await, Ok(1));
    shop.pass(61);
    shop.write_on_error(1, 2).await;
    shop.source(Source::Fails);
    assert_eq!(shop.on_error(1).await, Err(Failure::Source));
}

#[tokio::test]
async fn a_stale_value_is_not_served_when_it_was_invalidated_during_the_load() {
    let shop = Shop::new();
    assert_eq!(shop.on_error(1).await, Ok(1));
    shop.pass(61);
    shop.source(Source::Hangs);
    let (failed, ()) = tokio::join!(shop.on_error(1), async {
        shop.idle().await;
        shop.write_on_error(1, 2).await;
        shop.pass(2);
    });
    assert_eq!(failed, Err(Failure::TimedOut));
}

#[tokio::test]
async fn the_service_does_not_see_what_is_stale() {
    let shop = Shop::new();
    let (cache, key) = (&shop.cache, || Shop::on_error_key(1));
    assert_eq!(shop.on_error(1).await, Ok(1));
    assert_eq!(cache.ttl(key()).await.expect("memory serves"), Some(Ttl::from(60)));
    assert!(cache.touch(key(), 100).await.expect("memory serves"));
    assert_eq!(cache.ttl(key()).await.expect("memory serves"), Some(Ttl::from(100)));
    shop.pass(100);
    assert_eq!(cache.get(key()).await.expect("memory serves"), None);
    assert_eq!(cache.get_many::<u64, _>([key()]).await.expect("memory serves"), [None]);
    assert!(!cache.exists(key()).await.expect("memory serves"));
    assert_eq!(cache.ttl(key()).await.expect("memory serves"), None);
    assert!(!cache.touch(key(), 100).await.expect("memory serves"));
    assert!(cache.keys("*").await.expect("memory serves").is_empty());
}

#[tokio::test]
async fn get_or_load_serves_a_stale_value_too() {
    let shop = Shop::new();
    let policy = || Policy::new(60).stale_if_error(Duration::from_mins(10));
    let load = async |result: Result<u64, &'static str>| {
        shop.cache.get_or_load("answer", policy(), async || result).await
    };
    assert_eq!(load(Ok(42)).await, Ok(42));
    shop.pass(61);
    assert_eq!(load(Err("it is down")).await, Ok(42));
    shop.pass(600);
    assert_eq!(load(Err("it is down")).await, Err("it is down"));
}
