//! Going without the cache: for a call, for a while, or for good.

#[path = "faults/backend.rs"]
mod backend;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::testing::{Fault, ManualClock, Operation};
use cache_runtime::{CacheError, KvCacheService, LocalKvNamespace, LocalTier, cached, invalidates, updates};
use futures_util::FutureExt;

use backend::{Faulty, answer, pend};

/// A number that is cached in every way.
#[derive(Clone)]
struct Number {
    cache: KvCacheService,
    source: Arc<AtomicU64>,
    loads: Arc<AtomicU64>,
}

impl Number {
    fn new(cache: KvCacheService) -> Self {
        Self { cache, source: Arc::new(AtomicU64::new(1)), loads: Arc::default() }
    }

    fn load(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.source.load(Ordering::Relaxed)
    }

    #[cached(key = "number:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        let _ = id;
        pend(1).await;
        self.load()
    }

    #[cached(key = "number:<id>", each(id in ids), ttl = 300)]
    async fn get_each(&self, ids: &[u64]) -> Result<BTreeMap<u64, u64>, String> {
        let number = self.load();
        Ok(ids.iter().map(|id| (*id, number)).collect())
    }

    #[cached(key = "worn:<id>", ttl = 10, stale_while_revalidate = 300)]
    async fn get_worn(&self, id: u64) -> u64 {
        let _ = id;
        pend(1).await;
        self.load()
    }

    #[invalidates("number:<id>")]
    async fn set(&self, id: u64, number: u64) -> Result<(), String> {
        let _ = id;
        self.source.store(number, Ordering::Relaxed);
        Ok(())
    }

    #[updates("number:<id>", ttl = 300)]
    async fn update(&self, id: u64, number: u64) -> Result<u64, String> {
        let _ = id;
        self.source.store(number, Ordering::Relaxed);
        Ok(number)
    }

    /// How many loads each way of reading takes.
    async fn loads_of_each_way(&self) -> Vec<u64> {
        let mut loads = Vec::new();
        let mut before = self.loads.load(Ordering::Relaxed);
        let mut count = || {
            let now = self.loads.load(Ordering::Relaxed);
            loads.push(now - std::mem::replace(&mut before, now));
        };
        self.get(1).await;
        count();
        self.get_each(&[1, 2]).await.expect("it loads");
        count();
        self.get_worn(1).await;
        count();
        let by_hand = self.cache.get_or_load("number:1", 300, async || Ok::<_, String>(self.load()));
        by_hand.await.expect("it loads");
        count();
        let shared = self.cache.get_or_load_shared("number:1", 300, async || Ok::<_, String>(self.load()));
        shared.await.expect("it loads");
        count();
        loads
    }

    async fn found_by_each_way(&self) -> Vec<bool> {
        let cache = &self.cache;
        vec![
            cache.get::<u64>("number:1").await.expect("it asks").is_some(),
            cache.get_shared::<u64>("number:1").await.expect("it asks").is_some(),
            cache.get_many::<u64, _>(["number:1"]).await.expect("it asks")[0].is_some(),
            cache.exists("number:1").await.expect("it asks"),
            cache.ttl("number:1").await.expect("it asks").is_some(),
        ]
    }
}

/// On memory, and behind a backend that keeps no local tier.
fn numbers() -> [Number; 2] {
    let behind = KvCacheService::builder(Arc::new(Faulty::new(LocalKvNamespace::new()))).build();
    [Number::new(KvCacheService::in_memory()), Number::new(behind.expect("a valid prefix"))]
}

/// A number, the faults before its backend, and time.
fn faulty() -> (Number, Faulty, ManualClock) {
    let time = ManualClock::new();
    let faulty = Faulty::new(LocalKvNamespace::builder().clock(time.clock()).build());
    let cache = KvCacheService::builder(Arc::new(faulty.clone())).clock(time.clock()).build();
    (Number::new(cache.expect("a valid prefix")), faulty, time)
}

#[tokio::test]
async fn a_disabled_cache_serves_nothing_in_any_way() {
    for number in numbers() {
        number.loads_of_each_way().await;
        assert_eq!(number.loads_of_each_way().await, [0; 5]);
        number.cache.disable();
        assert!(number.cache.is_disabled());
        for _ in 0..2 {
            assert_eq!(number.loads_of_each_way().await, [1; 5]);
            assert_eq!(number.found_by_each_way().await, [false; 5]);
        }
        number.cache.enable();
        number.loads_of_each_way().await;
        assert_eq!(number.loads_of_each_way().await, [0; 5]);
        assert_eq!(number.found_by_each_way().await, [true; 5]);
    }
}

#[tokio::test]
async fn what_is_written_while_the_cache_is_disabled_is_not_stale_when_it_is_enabled() {
    for number in numbers() {
        assert_eq!(number.get(1).await, 1);
        number.cache.set("by hand", &1, 300).await.expect("it is stored");
        number.cache.disable();
        number.set(1, 2).await.expect("it writes");
        number.cache.set("by hand", &2, 300).await.expect("it is stored");
        number.cache.enable();
        assert_eq!(number.get(1).await, 2);
        assert_eq!(number.cache.get::<i32>("by hand").await.expect("it asks"), Some(2));

        number.cache.disable();
        number.update(1, 3).await.expect("it writes");
        number.cache.enable();
        let before = number.loads.load(Ordering::Relaxed);
        assert_eq!((number.get(1).await, number.loads.load(Ordering::Relaxed)), (3, before));

        number.cache.disable();
        assert_eq!(number.cache.keys("number:*").await.expect("it lists"), ["number:1"]);
        assert!(!number.cache.touch("number:1", 1).await.expect("it asks"));
        number.cache.enable();
        assert!(number.cache.touch("number:1", 300).await.expect("it asks"));

        number.cache.disable();
        number.cache.delete("number:1").await.expect("it is removed");
        number.cache.enable();
        assert!(!number.cache.exists("number:1").await.expect("it asks"));
    }
}

#[tokio::test]
async fn a_load_under_way_puts_nothing_into_a_disabled_cache() {
    let number = Number::new(KvCacheService::in_memory());
    let mut load = Box::pin(number.get(1));
    assert!(load.as_mut().now_or_never().is_none(), "it loads");
    number.cache.disable();
    assert_eq!(load.await, 1);
    number.source.store(2, Ordering::Relaxed);
    assert_eq!(number.get(1).await, 2);
}

#[test]
fn a_read_that_begins_after_disable_has_returned_is_no_hit_on_any_thread() {
    let number = Number::new(KvCacheService::in_memory());
    for round in 1..50 {
        number.source.store(round, Ordering::SeqCst);
        let disabled = AtomicBool::new(false);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
                    runtime.expect("a runtime can be built").block_on(async {
                        // Hits in this thread's mirror, and promotions into the tier.
                        while !disabled.load(Ordering::SeqCst) {
                            number.get(1).await;
                        }
                        assert_eq!(number.get(1).await, round + 1_000);
                    });
                });
            }
            std::thread::sleep(Duration::from_micros(200));
            number.cache.disable();
            number.source.store(round + 1_000, Ordering::SeqCst);
            disabled.store(true, Ordering::SeqCst);
        });
        number.cache.enable();
        number
            .cache
            .delete("number:1")
            .now_or_never()
            .expect("memory is ready at once")
            .expect("it is removed");
    }
}

#[tokio::test]
async fn services_of_one_store_are_disabled_together_and_others_are_not() {
    let one = KvCacheService::in_memory();
    let factory = cache_runtime::KvCacheServiceFactory::like(one.clone());
    let (other, alone) = (factory.create("other").expect("a prefix"), KvCacheService::in_memory());
    one.disable();
    assert!(other.is_disabled() && !alone.is_disabled());
}

#[tokio::test]
async fn a_bypass_neither_reads_nor_stores_and_writes_go_on() {
    for number in numbers() {
        number.loads_of_each_way().await;
        number.source.store(2, Ordering::Relaxed);
        assert_eq!(number.cache.bypass(number.loads_of_each_way()).await, [1; 5]);
        assert_eq!(number.cache.bypass(number.found_by_each_way()).await, [false; 5]);
        assert_eq!(number.cache.bypass(number.get(1)).await, 2);
        assert_eq!(number.get(1).await, 1, "the value is the one from before");
        number.cache.bypass(number.set(1, 3)).await.expect("it writes");
        assert_eq!(number.get(1).await, 3);
    }
}

#[tokio::test]
async fn calls_beside_a_bypass_on_the_same_thread_are_cached() {
    let number = Number::new(KvCacheService::in_memory());
    number.get(1).await;
    number.source.store(2, Ordering::Relaxed);
    let inside = number.cache.bypass(async {
        pend(3).await;
        number.get(1).await
    });
    let beside = async {
        pend(1).await;
        number.get(1).await
    };
    assert_eq!(tokio::join!(inside, beside), (2, 1));
}

#[tokio::test]
async fn health_is_that_of_the_backend() {
    let (number, faulty, time) = faulty();
    number.cache.health().await.expect("it serves");
    faulty.set(Operation::Health, Fault::Error);
    let error = number.cache.health().await.expect_err("it does not");
    assert!(matches!(error, CacheError::Backend { operation: "health", .. }), "{error}");
    faulty.set(Operation::Health, Fault::Hang);
    let (asked, waited) = answer(&time, number.cache.health()).await;
    asked.expect_err("it does not answer");
    assert_eq!(waited, Duration::from_secs(2), "the timeout of an operation");
}

#[tokio::test]
async fn close_finishes_the_invalidations_that_wait() {
    let (number, faulty, time) = faulty();
    assert_eq!(number.get(1).await, 1);
    faulty.set(Operation::BeginWrite, Fault::Error);
    faulty.set(Operation::FinishWrite, Fault::Error);
    number.set(1, 2).await.expect("it writes");
    assert_eq!(number.cache.pending_invalidations(), 1);

    let (left, waited) = close(&number, &time, Duration::from_secs(3)).await;
    assert_eq!((left.invalidations, left.refreshes), (1, 0));
    assert!(!left.is_none());
    assert_eq!(waited, Duration::from_secs(3), "no longer than it may");
    assert!(stored(&faulty).await, "the backend has the old value");

    faulty.heal();
    let (left, waited) = close(&number, &time, Duration::from_secs(3)).await;
    assert!(left.is_none() && waited.is_zero(), "{left:?} after {waited:?}");
    assert!(!stored(&faulty).await);
    assert_eq!(number.get(1).await, 2, "it may be used still");
}

async fn stored(faulty: &Faulty) -> bool {
    use cache_runtime::Backend;
    faulty.inner().get("app:number:1").await.expect("memory answers").is_some()
}

/// Closes, while time passes in steps of 100 ms. Returns how much.
async fn close(
    number: &Number,
    time: &ManualClock,
    limit: Duration,
) -> (cache_runtime::Unfinished, Duration) {
    let step = Duration::from_millis(100);
    let started = time.clock().now();
    let mut closed = pin!(number.cache.close(limit));
    loop {
        for _ in 0..20 {
            if let Some(left) = closed.as_mut().now_or_never() {
                return (left, time.clock().now().saturating_sub(started));
            }
            tokio::task::yield_now().await;
        }
        time.advance(step);
    }
}

#[tokio::test]
async fn close_waits_for_a_refresh_and_lets_no_other_start() {
    for ends in [true, false] {
        let (number, faulty, time) = faulty();
        number.get_worn(1).await;
        time.advance(Duration::from_secs(11));
        faulty.set(Operation::RefreshLease, if ends { Fault::Pend(30) } else { Fault::Hang });
        number.source.store(2, Ordering::Relaxed);
        assert_eq!(number.get_worn(1).await, 1, "stale, and refreshed in the background");
        // It waits for the backend now.
        let (left, waited) = close(&number, &time, Duration::from_secs(1)).await;
        if ends {
            assert!(left.is_none() && waited.is_zero(), "{left:?} after {waited:?}");
            assert_eq!(number.get_worn(1).await, 2);
            time.advance(Duration::from_secs(11));
            assert_eq!(number.get_worn(1).await, 2, "stale");
            let (left, _) = close(&number, &time, Duration::ZERO).await;
            assert!(left.is_none(), "no refresh was started");
        } else {
            assert_eq!((left.invalidations, left.refreshes), (0, 1));
        }
    }
}

#[tokio::test]
async fn a_disabled_cache_with_a_tier_of_its_own_keeps_nothing_from_before() {
    let backend = LocalKvNamespace::new();
    let build = || {
        let builder = KvCacheService::builder(Arc::new(Faulty::new(backend.clone())));
        builder.local_tier(LocalTier::new(10).local_ttl(Duration::MAX)).build().expect("a valid prefix")
    };
    let (here, there) = (Number::new(build()), build());
    assert_eq!(here.get(1).await, 1);
    here.cache.disable();
    there.delete("number:1").await.expect("it is removed");
    here.source.store(2, Ordering::Relaxed);
    here.cache.enable();
    assert_eq!(here.get(1).await, 2);
}

#[test]
fn its_futures_can_be_sent_between_threads() {
    fn assert_send(_: impl Future + Send) {}
    let cache = KvCacheService::in_memory();
    assert_send(cache.close(Duration::ZERO));
    assert_send(cache.health());
}
