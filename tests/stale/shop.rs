//! A service whose source can fail, hang, panic and change.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{
    CacheError, CallSiteStats, KvCacheService, LocalKvNamespace, Ttl, cached, call_sites, invalidates,
};
use tokio::sync::Semaphore;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    Source,
    TimedOut,
}

impl From<CacheError> for Failure {
    fn from(error: CacheError) -> Self {
        assert!(matches!(error, CacheError::LoadTimedOut { .. }), "{error}");
        Self::TimedOut
    }
}

#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Source {
    Serves,
    Fails,
    Panics,
    Hangs,
    Waits,
}

#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) cache: KvCacheService,
    pub(crate) time: ManualClock,
    source: Arc<AtomicU8>,
    pub(crate) price: Arc<AtomicU64>,
    pub(crate) loads: Arc<AtomicU64>,
    /// Lets waiting loads go on.
    pub(crate) gate: Arc<OnceLock<Semaphore>>,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let time = ManualClock::new();
        let backend = LocalKvNamespace::builder().clock(time.clock()).build();
        let cache =
            KvCacheService::builder(Arc::new(backend)).clock(time.clock()).build().expect("it is valid");
        let (price, loads) = (Arc::new(AtomicU64::new(1)), Arc::default());
        let gate = Arc::new(OnceLock::from(Semaphore::new(0)));
        Self { cache, time, source: Arc::default(), price, loads, gate }
    }

    pub(crate) fn source(&self, source: Source) {
        self.source.store(source as u8, Ordering::SeqCst);
    }

    pub(crate) fn set(&self, price: u64) {
        self.price.store(price, Ordering::SeqCst);
    }

    pub(crate) fn pass(&self, seconds: u64) {
        self.time.advance(Duration::from_secs(seconds));
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    /// Lets everything that is ready run to its next stop.
    pub(crate) async fn idle(&self) {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn open_gate(&self) {
        self.gate.get().expect("it is set").add_permits(1);
    }

    async fn load(&self) -> Result<u64, Failure> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let read = self.price.load(Ordering::SeqCst);
        match self.source.load(Ordering::SeqCst) {
            1 => return Err(Failure::Source),
            2 => panic!("the source panics"),
            3 => std::future::pending().await,
            4 => self.gate.get().expect("it is set").acquire().await.expect("it is open").forget(),
            _ => {}
        }
        Ok(read)
    }

    #[cached(key = "error:<id>", ttl = 60, stale_if_error = 3600, timeout = "2s")]
    pub(crate) async fn on_error(&self, id: u64) -> Result<u64, Failure> {
        self.load().await
    }

    #[cached(key = "refresh:<id>:<name>", ttl = 60, stale_while_revalidate = 60)]
    pub(crate) async fn refreshed(&self, id: u64, name: &str) -> Result<u64, Failure> {
        let _ = (id, name);
        self.load().await
    }

    #[cached(refreshed_key(self, id), ttl = 60)]
    pub(crate) async fn without_stale(&self, id: u64) -> Result<u64, Failure> {
        self.load().await
    }

    #[cached(key = "both:<id>", ttl = 60, stale_while_revalidate = 60, stale_if_error = 600, timeout = "2s", none_ttl = 5, version = 3, cache_if = |price| *price != 13)]
    pub(crate) async fn both(&self, id: u64) -> Result<Option<u64>, Failure> {
        self.load().await.map(|price| (price != 0).then_some(price))
    }

    #[cached(key = "timed:<id>", ttl = 60, timeout = "2s")]
    pub(crate) async fn timed(&self, id: u64) -> Result<u64, Failure> {
        self.load().await
    }

    #[cached(key = "by_value:<id>", ttl_from = |price: &u64| *price)]
    pub(crate) async fn by_value(&self, id: u64) -> Result<u64, Failure> {
        self.load().await
    }

    #[cached(key = "by_function:<id>", ttl_from = never)]
    pub(crate) async fn by_function(&self, id: u64) -> u64 {
        self.load().await.unwrap_or_default()
    }

    #[cached(key = "jitter:<id>", ttl = 1000, ttl_jitter = "10%")]
    pub(crate) async fn jittered(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("refresh:<id>:<name>")]
    pub(crate) async fn write(&self, id: u64, name: &str, price: u64) {
        let _ = (id, name);
        self.set(price);
    }

    #[invalidates("error:<id>")]
    pub(crate) async fn write_on_error(&self, id: u64, price: u64) {
        let _ = id;
        self.set(price);
    }
}

fn refreshed_key(_: &Shop, id: u64) -> cache_runtime::Key<u64> {
    Shop::refreshed_key(id, "a")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "`ttl_from` passes a reference")]
fn never(_: &u64) -> Ttl {
    Ttl::NEVER
}

/// What has been counted at a method, by all tests of the program.
pub(crate) fn stats(method: &str) -> CallSiteStats {
    let sites = call_sites();
    let of_method = |site: &&&cache_runtime::CallSite| site.function().ends_with(&format!("::{method}"));
    sites.iter().find(of_method).map(|site| site.stats()).unwrap_or_default()
}
