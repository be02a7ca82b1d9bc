//! Faults that were reproduced in other caches. Each test is named after the one that this cache must not have.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::Policy;
use cache_runtime::testing::{Fault, ManualClock, Operation};
use cache_runtime::{
    Backend, BackendError, CacheError, Capabilities, Entry, KvCacheService, KvCacheServiceFactory,
    ListOptions, ListPage, LocalKvNamespace, PutOptions, SetOutcome, Ttl, cache_key, cached, caching,
    invalidates,
};
use futures_util::FutureExt;

#[path = "faults/backend.rs"]
mod backend;
#[path = "faults/shop.rs"]
mod shop;

use backend::{Faulty, TIMEOUT, answer, pend};
use shop::{Failure, Shop, faulty_shop, shop, shop_on};

/// The stored numbers under `price:1`, if any.
async fn stored(shop: &Shop) -> Option<u64> {
    shop.cache.get(Shop::price_key(1)).await.expect("the backend answers")
}

#[tokio::test]
async fn an_invalidation_during_a_load_does_not_leave_the_old_value_cached() {
    for s in shops() {
        s.slow.store(true, Ordering::Relaxed);
        let mut load = pin!(s.price(1));
        assert_eq!(load.as_mut().now_or_never(), None, "it has read the source and waits");
        s.write(1, 2).await.expect("it writes");
        s.slow.store(false, Ordering::Relaxed);
        s.gate.notify_one();
        load.await.expect("it loads");
        assert_ne!(stored(&s).await, Some(1));
        assert_eq!(s.price(1).await, Ok(2));
    }
}

#[tokio::test]
async fn a_deletion_by_hand_during_a_load_does_not_leave_the_old_value_cached() {
    for s in shops() {
        s.slow.store(true, Ordering::Relaxed);
        let mut load = pin!(s.price(1));
        assert_eq!(load.as_mut().now_or_never(), None);
        s.source.store(2, Ordering::Relaxed);
        s.cache.delete(Shop::price_key(1)).await.expect("it deletes");
        s.slow.store(false, Ordering::Relaxed);
        s.gate.notify_one();
        load.await.expect("it loads");
        assert_eq!(s.price(1).await, Ok(2));
    }
}

#[tokio::test]
async fn clear_during_a_load_does_not_leave_the_old_value_cached() {
    for s in shops() {
        s.slow.store(true, Ordering::Relaxed);
        let mut load = pin!(s.price(1));
        assert_eq!(load.as_mut().now_or_never(), None);
        s.source.store(2, Ordering::Relaxed);
        s.cache.clear().await.expect("it clears");
        s.slow.store(false, Ordering::Relaxed);
        s.gate.notify_one();
        load.await.expect("it loads");
        assert_eq!(s.price(1).await, Ok(2));
    }
}

#[tokio::test]
async fn a_slow_load_does_not_write_a_stale_value_over_a_newer_one() {
    for s in shops() {
        s.slow.store(true, Ordering::Relaxed);
        let mut load = pin!(s.price(1));
        assert_eq!(load.as_mut().now_or_never(), None);
        assert_eq!(s.rewrite(1, 2).await, Ok(2));
        s.slow.store(false, Ordering::Relaxed);
        s.gate.notify_one();
        load.await.expect("it loads");
        assert_eq!(stored(&s).await, Some(2), "the update is what is stored");
        assert_eq!((s.price(1).await, s.loads()), (Ok(2), 1));

        s.slow.store(true, Ordering::Relaxed);
        s.cache.delete(Shop::price_key(1)).await.expect("it deletes");
        let mut load = pin!(s.price(1));
        assert_eq!(load.as_mut().now_or_never(), None);
        s.cache.set(Shop::price_key(1), &3, 60).await.expect("it stores");
        s.gate.notify_one();
        load.await.expect("it loads");
        assert_eq!(stored(&s).await, Some(3), "what was set by hand is what is stored");
    }
}

#[tokio::test]
async fn an_alias_of_result_does_not_make_err_cached() {
    let s = shop();
    assert_eq!((s.behind_an_alias(1).await, s.behind_an_alias(1).await), (Err(Failure), Err(Failure)));
    assert_eq!(s.loads(), 2);
    assert_eq!(s.cache.keys("*").await.expect("memory answers"), [""; 0]);
}

#[tokio::test]
async fn a_generic_return_that_is_a_result_does_not_make_err_cached() {
    let s = shop();
    let failed: Result<u64, String> = Err("no".to_owned());
    assert_eq!(s.generic(1, failed.clone()).await, failed);
    assert_eq!(s.cache.keys("*").await.expect("memory answers"), [""; 0]);
    assert_eq!(s.generic(1, Ok::<u64, String>(7)).await, Ok(7), "the next call loads");
    assert_eq!(s.generic(1, failed).await, Ok(7), "and a success is cached");
}

#[tokio::test]
async fn an_early_return_does_not_skip_the_fill_nor_the_invalidation_nor_the_update() {
    let s = shop();
    assert_eq!((s.early(11).await, s.early(11).await, s.loads()), (Ok(1), Ok(1), 1), "filled");
    s.write_and_leave_early(11, 2).await.expect("it writes");
    assert_eq!((s.early(11).await, s.loads()), (Ok(2), 2), "invalidated");
    assert_eq!(s.rewrite_and_leave_early(11, 3).await, Ok(3));
    assert_eq!((s.early(11).await, s.loads()), (Ok(3), 2), "updated");
    s.early(1).await.expect_err("it fails");
    assert_eq!(s.cache.get(Shop::early_key(1)).await.expect("memory answers"), None);
}

#[tokio::test]
async fn a_value_of_one_tenants_instance_is_not_served_to_another() {
    let (acme, other) = (shop(), Shop { tenant: "other", ..shop() });
    assert_eq!(
        (acme.of_instance(1).await, other.of_instance(1).await),
        ("1 of acme".into(), "1 of other".into())
    );

    let factory = KvCacheServiceFactory::new(Arc::new(LocalKvNamespace::new()));
    let acme = shop_on(factory.create("acme").expect("a valid prefix"));
    let other = Shop { tenant: "other", ..shop_on(factory.create("other").expect("a valid prefix")) };
    assert_eq!(
        (acme.of_instance(1).await, other.of_instance(1).await),
        ("1 of acme".into(), "1 of other".into())
    );

    let together = Shop { tenant: "other", ..acme.clone() };
    assert_eq!(
        (acme.of_tenant(1).await, together.of_tenant(1).await),
        ("1 of acme".into(), "1 of other".into())
    );
}

#[tokio::test]
async fn x_y_and_z_do_not_share_an_entry_with_x_and_y_z() {
    let s = shop();
    assert_eq!((s.pair("x:y", "z").await, s.pair("x", "y:z").await), ("x:y z".into(), "x y:z".into()));
}

#[tokio::test]
async fn an_id_of_a_star_does_not_invalidate_everything() {
    let s = shop();
    for id in ["*", "a", "b"] {
        s.item(id).await;
    }
    s.forget_item("*").await;
    assert_eq!(s.cache.keys("*").await.expect("memory answers"), ["item:a", "item:b"]);
}

#[tokio::test]
async fn a_method_that_worked_does_not_fail_because_the_cache_could_not_be_written() {
    for fault in [Fault::Error, Fault::ErrorAfter, Fault::Hang, Fault::HangAfter] {
        for operation in [Operation::Read, Operation::Fill, Operation::Release, Operation::LeaseOver] {
            let (s, faulty, time) = faulty_shop();
            faulty.set(operation, fault);
            let (price, waited) = answer(&time, s.price(1)).await;
            assert_eq!(price, Ok(1), "{operation:?} {fault:?}");
            assert!(waited <= TIMEOUT, "{operation:?} {fault:?}");
            let (early, _) = answer(&time, s.early(1)).await;
            assert_eq!(early, Err("too small".to_owned()), "the author's error is the author's");
        }
        for operation in [Operation::BeginWrite, Operation::FinishWrite] {
            let (s, faulty, time) = faulty_shop();
            faulty.set(operation, fault);
            assert_eq!(answer(&time, s.write(1, 2)).await.0, Ok(()), "{operation:?} {fault:?}");
            assert_eq!(answer(&time, s.rewrite(1, 3)).await.0, Ok(3), "{operation:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn a_cache_that_is_down_is_asked_once_for_each_step_and_never_in_a_loop() {
    let (s, faulty, _) = faulty_shop();
    faulty.set_all(Fault::Error);
    assert_eq!(s.price(1).await, Ok(1));
    assert!(faulty.calls() <= 2, "{}", faulty.calls());
}

/// The price of something, by its name.
#[cache_key("quote:<name>", ttl = 60)]
fn quote_key(name: &str) -> u64;

#[async_trait]
trait Quotes {
    async fn quote(&self, name: &str) -> Result<u64, String>;
    async fn requote(&self, name: &str) -> Result<(), String>;
    async fn listed(&self, id: u64) -> u64;
    async fn unlist(&self, id: u64);
}

#[caching(ttl = 60)]
#[async_trait]
impl Quotes for Shop {
    #[cached(quote_key(name))]
    async fn quote(&self, name: &str) -> Result<u64, String> {
        let _ = name;
        Ok(self.load().await)
    }

    #[invalidates(quote_key(name))]
    async fn requote(&self, name: &str) -> Result<(), String> {
        let _ = name;
        Ok(())
    }

    #[cached(key = "listed:<id>")]
    async fn listed(&self, id: u64) -> u64 {
        let _ = id;
        self.load().await
    }

    #[invalidates("listed:<id>")]
    async fn unlist(&self, id: u64) {
        let _ = id;
    }
}

#[tokio::test]
async fn an_attribute_on_the_method_of_a_trait_impl_compiles_and_caches() {
    let s = shop();
    let quotes: &dyn Quotes = &s;
    assert_eq!((quotes.quote("x").await, quotes.quote("x").await, s.loads()), (Ok(1), Ok(1), 1));
    quotes.requote("x").await.expect("it writes");
    quotes.quote("x").await.expect("it loads");
    assert_eq!(s.loads(), 2);
    assert_eq!((quotes.listed(1).await, quotes.listed(1).await, s.loads()), (1, 1, 3));
    quotes.unlist(1).await;
    quotes.listed(1).await;
    assert_eq!(s.loads(), 4);
}

#[tokio::test]
async fn increment_does_not_lose_the_ttl() {
    let (s, _, time) = faulty_shop();
    let cache = s.cache;
    assert_eq!(cache.increment_with_ttl("n", 1, 60).await.expect("it counts"), 1);
    time.advance(Duration::from_secs(20));
    assert_eq!(cache.increment("n", 5).await.expect("it counts"), 6);
    assert_eq!(cache.increment_with_ttl("n", 1, 600).await.expect("it counts"), 7);
    assert_eq!(cache.decrement("n", 2).await.expect("it counts"), 5);
    assert_eq!(cache.ttl("n").await.expect("it answers"), Some(Ttl::from(40)));
    time.advance(Duration::from_secs(40));
    assert_eq!(cache.increment("n", 1).await.expect("it counts"), 1, "its time was over");
    assert_eq!(cache.ttl("n").await.expect("it answers"), Some(Ttl::NEVER));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn increment_loses_no_step_of_callers_at_once() {
    let cache = KvCacheService::in_memory();
    let callers = (0..8).map(|_| {
        let cache = cache.clone();
        tokio::spawn(async move {
            for _ in 0..500 {
                cache.increment("n", 1).await.expect("it counts");
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.expect("no caller panics");
    }
    assert_eq!(cache.increment("n", 0).await.expect("it counts"), 4_000);
}

#[tokio::test]
async fn a_failed_read_does_not_restart_a_counter() {
    let (s, faulty, _) = faulty_shop();
    for cache in [s.cache.clone(), on(Least(faulty.clone()))] {
        cache.increment("n", 41).await.expect("it counts");
        for operation in [Operation::Increment, Operation::Get] {
            faulty.set(operation, Fault::Error);
        }
        let error = cache.increment("n", 1).await.expect_err("the backend is down");
        assert!(matches!(error, CacheError::Backend { operation: "increment", .. }), "{error}");
        faulty.heal();
        assert_eq!(cache.increment("n", 1).await.expect("it counts"), 42);
        cache.delete("n").await.expect("it deletes");
    }
}

#[tokio::test]
async fn increment_does_not_concatenate_texts() {
    let cache = KvCacheService::in_memory();
    for text in ["5", "", "5 ", "five"] {
        cache.set("n", &text.to_owned(), 60).await.expect("it stores");
        let error = cache.increment("n", 1).await.expect_err("a text is no number");
        assert!(matches!(error, CacheError::NotAnInteger { .. }), "{error}");
        assert_eq!(cache.get::<String>("n").await.expect("it answers").as_deref(), Some(text));
    }
}

#[tokio::test]
async fn a_counter_with_a_ttl_is_never_without_it_however_its_caller_is_dropped() {
    for polls in 0..8 {
        let (s, faulty, _) = faulty_shop();
        faulty.set(Operation::Increment, Fault::Pend(2));
        let mut count = Box::pin(s.cache.increment_with_ttl("n", 1, 60));
        for _ in 0..polls {
            if count.as_mut().now_or_never().is_some() {
                break;
            }
        }
        drop(count);
        let left = s.cache.ttl("n").await.expect("it answers");
        assert!(left.is_none_or(|left| left == Ttl::from(60)), "{polls} {left:?}");
    }
}

#[tokio::test]
async fn clear_does_not_stop_at_a_thousand_keys() {
    for cache in [KvCacheService::in_memory(), on(Least(Faulty::new(LocalKvNamespace::new())))] {
        for number in 0..2_500 {
            cache.set(format!("key:{number}"), &number, 60).await.expect("it stores");
        }
        assert_eq!(cache.keys("*").await.expect("it lists").len(), 2_500);
        assert_eq!(cache.clear().await.expect("it clears"), 2_500);
        assert_eq!(cache.keys("*").await.expect("it lists"), [""; 0]);
    }
}

#[tokio::test]
async fn clear_of_one_prefix_does_not_wipe_another_that_starts_like_it() {
    let factory = KvCacheServiceFactory::new(Arc::new(LocalKvNamespace::new()));
    let prefixes = ["app", "app.sub", "app-2", "application", "ap"];
    let caches = prefixes.map(|prefix| factory.create(prefix).expect("a valid prefix"));
    for cache in &caches {
        cache.set("sub:1", &1, 60).await.expect("it stores");
    }
    assert_eq!(caches[0].clear().await.expect("it clears"), 1);
    for cache in &caches[1..] {
        assert_eq!(cache.get::<u8>("sub:1").await.expect("it answers"), Some(1), "{:?}", cache.prefix());
    }
    factory.create("app:sub").expect_err("no prefix lies inside another");
}

#[tokio::test]
async fn keys_does_not_answer_with_nothing_for_a_star_in_the_middle_nor_with_more_for_none() {
    let cache = KvCacheService::in_memory();
    for key in ["user:1:posts", "user:2:posts", "user:1:likes", "project", "projection:1"] {
        cache.set(key, &1, 60).await.expect("it stores");
    }
    assert_eq!(cache.keys("user:*:posts").await.expect("it lists"), ["user:1:posts", "user:2:posts"]);
    assert_eq!(cache.keys("project").await.expect("it lists"), ["project"]);
}

#[tokio::test]
async fn a_text_of_digits_does_not_read_back_as_a_number() {
    let cache = KvCacheService::in_memory();
    for text in ["123", "null", "true", "{}", "\"", ""] {
        cache.set("text", &text.to_owned(), 60).await.expect("it stores");
        assert_eq!(cache.get::<String>("text").await.expect("it is a text").as_deref(), Some(text));
        cache.get::<u64>("text").await.expect_err("it is no number");
    }
}

#[tokio::test]
async fn a_stored_null_is_not_a_missing_value() {
    let cache = KvCacheService::in_memory();
    assert_eq!(cache.get::<Option<u8>>("null").await.expect("it answers"), None, "missing");
    cache.set("null", &None::<u8>, 60).await.expect("it stores");
    assert_eq!(cache.get::<Option<u8>>("null").await.expect("it answers"), Some(None), "stored");
    assert!(cache.exists("null").await.expect("it answers"));

    let s = shop();
    assert_eq!((s.maybe(1).await, s.maybe(1).await, s.loads()), (None, None, 1), "a cached `None`");
    assert_eq!(s.cache.get(Shop::maybe_key(1)).await.expect("it answers"), None);
    assert_eq!(s.cache.get::<Option<u64>>("maybe:1").await.expect("it answers"), None);
    assert!(!s.cache.exists(Shop::maybe_key(1)).await.expect("it answers"));
    assert_eq!(s.cache.keys("*").await.expect("it lists"), [""; 0]);
    s.cache.set(Shop::maybe_key(1), &7, 60).await.expect("it stores");
    assert_eq!(s.maybe(1).await, Some(7), "a value takes its place");
}

#[tokio::test]
async fn undecodable_bytes_are_not_an_error_for_every_caller_until_their_time_is_over() {
    let (s, faulty, _) = faulty_shop();
    for bytes in [&b"\xff\xfe"[..], b"", b"{", b"\"text\"", b"null", b"1 2"] {
        let options = PutOptions::with_ttl(Duration::from_hours(1));
        faulty
            .inner()
            .put("app:price:1", Bytes::copy_from_slice(bytes), options)
            .await
            .expect("memory stores");
        let before = s.loads();
        assert_eq!((s.price(1).await, s.price(1).await), (Ok(1), Ok(1)), "{bytes:?}");
        assert_eq!(s.loads(), before + 1, "the first call wrote a good value over {bytes:?}");
    }
}

#[tokio::test]
async fn the_address_with_its_password_is_not_in_the_message() {
    for url in [
        "redis+odd://user:hunter2@host:6379",
        "hunter2",
        "user:hunter2@host",
        "://hunter2",
        "memory://hunter2",
    ] {
        let error = KvCacheService::connect(url).await.expect_err("there is no such backend");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    }
}

#[tokio::test]
async fn a_load_is_not_run_twice_for_one_miss_nor_its_value_lost_when_the_backend_is_slow() {
    let (s, faulty, _) = faulty_shop();
    faulty.set_all(Fault::Pend(3));
    assert_eq!((s.price(1).await, s.price(1).await, s.loads()), (Ok(1), Ok(1), 1));
    pend(1).await;
}

/// A shop over memory with a local tier, one over leases without a tier, and one over neither.
fn shops() -> [Shop; 3] {
    [shop(), faulty_shop().0, shop_on(on(Least(Faulty::new(LocalKvNamespace::new()))))]
}

fn on(backend: impl Backend) -> KvCacheService {
    KvCacheService::builder(Arc::new(backend)).build().expect("a valid prefix")
}

/// A backend of just the five required methods: what a user would write first.
struct Least(Faulty);

#[async_trait]
impl Backend for Least {
    fn name(&self) -> &'static str {
        "least"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        self.0.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        self.0.put(key, value, options).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        self.0.delete(key).await
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        self.0.list(options).await
    }
}

#[tokio::test]
async fn a_stale_on_error_window_shorter_than_the_ttl_does_not_truncate_the_ttl() {
    let time = ManualClock::new();
    let backend = LocalKvNamespace::builder().clock(time.clock()).build();
    let cache = KvCacheService::builder(Arc::new(backend)).clock(time.clock()).build().expect("it is valid");
    let policy = || Policy::new(300).stale_if_error(10);
    let load =
        async |result: Result<u64, &'static str>| cache.get_or_load("price", policy(), async || result).await;
    assert_eq!(load(Ok(1)).await, Ok(1));
    time.advance(Duration::from_secs(299));
    assert_eq!(load(Ok(2)).await, Ok(1), "it is fresh for all of its time to live");
    time.advance(Duration::from_secs(10));
    assert_eq!(load(Err("down")).await, Ok(1));
    time.advance(Duration::from_secs(1));
    assert_eq!(load(Err("down")).await, Err("down"));
}
