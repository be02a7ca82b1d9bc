use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::testing::{Fault, FaultyBackend, ManualClock, Operation, RecordingBackend};
use cache_runtime::{KvCacheService, LocalKvNamespace, cached, invalidates};

/// The service under test: it asks a station, and caches what that says.
struct Weather {
    cache: KvCacheService,
    station: AtomicU64,
    asked: AtomicU64,
}

impl Weather {
    fn new(cache: KvCacheService) -> Self {
        Self { cache, station: AtomicU64::new(20), asked: AtomicU64::new(0) }
    }

    #[cached(key = "degrees:<city>", ttl = 300)]
    async fn degrees(&self, city: &str) -> Result<u64, String> {
        let _ = city;
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.station.load(Ordering::Relaxed))
    }

    #[invalidates("degrees:<city>")]
    async fn report(&self, city: &str, degrees: u64) -> Result<(), String> {
        let _ = city;
        self.station.store(degrees, Ordering::Relaxed);
        Ok(())
    }
}

// Memory speaks the whole protocol of a server, so a test needs none.
#[tokio::test]
async fn a_report_is_seen_by_the_next_reader() {
    let weather = Weather::new(KvCacheService::in_memory());
    assert_eq!(weather.degrees("Oslo").await, Ok(20));
    weather.report("Oslo", 25).await.unwrap();
    assert_eq!(weather.degrees("Oslo").await, Ok(25));
}

// A clock that is moved by hand: no test sleeps.
#[tokio::test]
async fn the_station_is_asked_again_after_five_minutes() {
    let time = ManualClock::new();
    let memory = LocalKvNamespace::builder().clock(time.clock()).build();
    let weather =
        Weather::new(KvCacheService::builder(Arc::new(memory)).clock(time.clock()).build().unwrap());
    weather.degrees("Oslo").await.unwrap();
    time.advance(Duration::from_secs(299));
    weather.degrees("Oslo").await.unwrap();
    assert_eq!(weather.asked.load(Ordering::Relaxed), 1);
    time.advance(Duration::from_secs(1));
    weather.degrees("Oslo").await.unwrap();
    assert_eq!(weather.asked.load(Ordering::Relaxed), 2);
}

// What the backend is asked for: a report is a barrier, the body, and the end of the barrier.
#[tokio::test]
async fn a_report_opens_and_ends_a_barrier() {
    let backend = RecordingBackend::new(LocalKvNamespace::new());
    let weather = Weather::new(KvCacheService::builder(Arc::new(backend.clone())).build().unwrap());
    weather.report("Oslo", 25).await.unwrap();
    assert_eq!(backend.operations(), [Operation::BeginWrite, Operation::FinishWrite]);
    assert_eq!(backend.records()[0].keys, ["app:degrees:Oslo"]);
}

// A cache that is down costs the load, never the call.
#[tokio::test]
async fn the_weather_is_known_without_the_cache() {
    let backend = FaultyBackend::new(LocalKvNamespace::new());
    let weather = Weather::new(KvCacheService::builder(Arc::new(backend.clone())).build().unwrap());
    backend.set_all(Fault::Error);
    assert_eq!(weather.degrees("Oslo").await, Ok(20));
    weather.report("Oslo", 25).await.unwrap();
    assert_eq!(weather.degrees("Oslo").await, Ok(25));
    // What it could not be told is told when it is back.
    assert_eq!(weather.cache.pending_invalidations(), 1);
    backend.heal();
    assert!(weather.cache.close(Duration::from_secs(5)).await.is_none());
}

// Lost replies, at random, but the same ones in each run with the same seed.
#[tokio::test]
async fn no_reader_is_served_an_old_report_whatever_the_cache_loses() {
    for seed in 0..20 {
        let backend = FaultyBackend::new(LocalKvNamespace::new());
        let weather = Weather::new(KvCacheService::builder(Arc::new(backend.clone())).build().unwrap());
        backend.set_by_chance(seed, 20, [Fault::Error, Fault::ErrorAfter]);
        for degrees in 0..20 {
            weather.report("Oslo", degrees).await.unwrap();
            assert_eq!(weather.degrees("Oslo").await, Ok(degrees), "seed {seed}");
        }
    }
}
