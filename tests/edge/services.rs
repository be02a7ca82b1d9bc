//! What annotated methods do there, by rules.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::testing::{EdgeNetwork, ManualClock};
use cache_runtime::{KvCacheService, cached, invalidates, updates};

use crate::{network, seconds, service};

/// A service at one location; all have one source.
struct Weather {
    cache: KvCacheService,
    source: Arc<AtomicU64>,
    loads: AtomicU64,
}

impl Weather {
    fn at(network: &EdgeNetwork, location: &str, source: &Arc<AtomicU64>) -> Self {
        let cache = service(network.location(location));
        Self { cache, source: Arc::clone(source), loads: AtomicU64::new(0) }
    }

    fn load(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.source.load(Ordering::Relaxed)
    }

    #[cached(key = "degrees:<city>", ttl = 300, tags = ["city:<city>"])]
    async fn degrees(&self, city: &str) -> u64 {
        let _ = city;
        self.load()
    }

    #[cached(key = "shown:<city>", ttl = 20)]
    async fn shown(&self, city: &str) -> u64 {
        let _ = city;
        self.load()
    }

    #[cached(key = "snow:<city>", ttl = 300, none_ttl = 300)]
    async fn snow(&self, city: &str) -> Option<u64> {
        let _ = city;
        Some(self.load()).filter(|depth| *depth > 0)
    }

    #[invalidates("degrees:<city>", "snow:<city>")]
    async fn report(&self, city: &str, degrees: u64) {
        let _ = city;
        self.source.store(degrees, Ordering::Relaxed);
    }

    #[invalidates(tags = ["city:<city>"])]
    async fn report_all(&self, city: &str, degrees: u64) {
        let _ = city;
        self.source.store(degrees, Ordering::Relaxed);
    }

    #[updates("shown:<city>")]
    async fn correct(&self, city: &str, degrees: u64) -> u64 {
        let _ = city;
        self.source.store(degrees, Ordering::Relaxed);
        degrees
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }
}

fn two() -> (ManualClock, Weather, Weather) {
    let (time, network) = network();
    let source = Arc::new(AtomicU64::new(20));
    (time, Weather::at(&network, "Oslo", &source), Weather::at(&network, "Lima", &source))
}

#[tokio::test]
async fn a_value_is_loaded_at_each_location_until_it_is_seen_there() {
    let (time, oslo, lima) = two();
    assert_eq!((oslo.shown("X").await, lima.shown("X").await), (20, 20));
    // Both stored theirs; the second was refused, which costs nobody anything.
    assert_eq!((oslo.shown("X").await, lima.shown("X").await), (20, 20));
    assert_eq!((oslo.loads(), lima.loads()), (1, 2));
    seconds(&time, 19);
    assert_eq!((lima.shown("X").await, lima.shown("X").await), (20, 20));
    assert_eq!(lima.loads(), 3);
}

#[tokio::test]
async fn a_cached_call_elsewhere_serves_what_a_write_made_stale_for_the_window_and_no_longer() {
    let (time, oslo, lima) = two();
    assert_eq!(oslo.degrees("X").await, 20);
    seconds(&time, 60);
    assert_eq!((lima.degrees("X").await, lima.loads()), (20, 0));
    oslo.report("X", 25).await;
    // Where it was made the write is seen by the next reader.
    assert_eq!(oslo.degrees("X").await, 25);
    time.advance(Duration::from_millis(59_999));
    assert_eq!((lima.degrees("X").await, lima.loads()), (20, 0));
    time.advance(Duration::from_millis(1));
    assert_eq!(lima.degrees("X").await, 25);
}

#[tokio::test]
async fn a_time_to_live_under_the_window_is_all_that_a_stale_value_has() {
    let (time, oslo, lima) = two();
    assert_eq!(lima.shown("X").await, 20);
    seconds(&time, 5);
    assert_eq!(oslo.correct("X", 25).await, 25);
    assert_eq!(oslo.shown("X").await, 25);
    time.advance(Duration::from_millis(14_999));
    assert_eq!((lima.shown("X").await, lima.loads()), (20, 1));
    time.advance(Duration::from_millis(1));
    assert_eq!((lima.shown("X").await, lima.loads()), (25, 2));
    assert_eq!(oslo.loads(), 0);
}

#[tokio::test]
async fn that_something_is_not_there_is_served_elsewhere_as_long_as_a_value() {
    let (time, oslo, lima) = two();
    oslo.source.store(0, Ordering::Relaxed);
    assert_eq!(oslo.snow("X").await, None);
    seconds(&time, 60);
    assert_eq!((lima.snow("X").await, lima.loads()), (None, 0));
    oslo.report("X", 3).await;
    assert_eq!(oslo.snow("X").await, Some(3));
    time.advance(Duration::from_millis(59_999));
    assert_eq!((lima.snow("X").await, lima.loads()), (None, 0));
    time.advance(Duration::from_millis(1));
    assert_eq!(lima.snow("X").await, Some(3));
}

#[tokio::test]
async fn a_tag_is_invalidated_at_once_where_that_was_done_and_elsewhere_after_the_window() {
    let (time, oslo, lima) = two();
    assert_eq!(oslo.degrees("X").await, 20);
    seconds(&time, 60);
    assert_eq!((lima.degrees("X").await, lima.loads()), (20, 0));
    oslo.report_all("X", 25).await;
    assert_eq!(oslo.degrees("X").await, 25);
    time.advance(Duration::from_millis(59_999));
    assert_eq!(lima.degrees("X").await, 20);
    time.advance(Duration::from_millis(1));
    assert_eq!(lima.degrees("X").await, 25);
}

#[tokio::test]
async fn an_invalidation_that_comes_too_soon_for_kv_is_made_later_and_its_key_bypassed_meanwhile() {
    let (time, oslo, _) = two();
    assert_eq!(oslo.degrees("X").await, 20);
    // Within a second of the fill: KV refuses the deletion.
    oslo.report("X", 25).await;
    assert_eq!(oslo.cache.pending_invalidations(), 2);
    for loads in 2..4 {
        assert_eq!((oslo.degrees("X").await, oslo.loads()), (25, loads));
    }
    for _ in 0..30 {
        time.advance(Duration::from_millis(100));
        tokio::task::yield_now().await;
    }
    assert_eq!(oslo.cache.pending_invalidations(), 0);
    seconds(&time, 1);
    assert_eq!((oslo.degrees("X").await, oslo.degrees("X").await, oslo.loads()), (25, 25, 4));
}

#[tokio::test]
async fn a_write_whose_future_is_dropped_leaves_the_older_value_until_its_time_to_live_ends() {
    let (time, oslo, _) = two();
    assert_eq!(oslo.degrees("X").await, 20);
    seconds(&time, 1);
    // What is left when the writer vanishes between its commit and the invalidation.
    oslo.source.store(25, Ordering::Relaxed);
    time.advance(Duration::from_millis(298_999));
    assert_eq!(oslo.degrees("X").await, 20);
    time.advance(Duration::from_millis(1));
    assert_eq!(oslo.degrees("X").await, 25);
}
