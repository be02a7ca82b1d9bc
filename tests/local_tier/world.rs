//! A service with a local tier over a memory that counts, on a clock that stands still.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{
    Backend, KvCacheService, LocalKvNamespace, LocalTier, Ttl, cached, invalidates, updates,
};
use serde::{Deserialize, Serialize};

use super::backend::Faulty;

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) cache: KvCacheService,
    pub(crate) time: ManualClock,
    pub(crate) counting: Faulty,
    pub(crate) source: Arc<AtomicU64>,
    pub(crate) loads: Arc<AtomicUsize>,
    /// How long a `lives` lives.
    pub(crate) ttl: Ttl,
}

/// A value that is expensive to clone, and says how often it was.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Large {
    pub(crate) text: String,
    #[serde(skip)]
    clones: Arc<AtomicUsize>,
}

impl Clone for Large {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::Relaxed);
        Self { text: self.text.clone(), clones: Arc::clone(&self.clones) }
    }
}

impl Large {
    pub(crate) fn clones(&self) -> usize {
        self.clones.load(Ordering::Relaxed)
    }
}

/// The backend tells of changes, but does not say that it is of this process alone.
const UNBOUNDED: Duration = Duration::MAX;

pub(crate) fn world(tier: LocalTier) -> World {
    world_within(tier, 256 * 1024 * 1024)
}

/// A world whose backend holds so many bytes.
pub(crate) fn world_within(tier: LocalTier, bytes: usize) -> World {
    let time = ManualClock::new();
    let memory = LocalKvNamespace::builder().clock(time.clock()).capacity_bytes(bytes).build();
    let counting = Faulty::new(memory);
    let backend: Arc<dyn Backend> = Arc::new(counting.clone());
    let cache =
        KvCacheService::builder(backend).clock(time.clock()).local_tier(tier.local_ttl(UNBOUNDED)).build();
    World {
        cache: cache.expect("a valid prefix"),
        time,
        counting,
        source: Arc::new(AtomicU64::new(1)),
        loads: Arc::default(),
        ttl: Ttl::from_secs(300),
    }
}

impl World {
    #[cached(key = "number:<id>", ttl = 300)]
    pub(crate) async fn number(&self, id: u64) -> u64 {
        self.load() + id
    }

    #[cached(key = "rare:<id>", ttl = 300, none_ttl = 5)]
    pub(crate) async fn rare(&self, id: u64) -> Option<u64> {
        let found = self.load();
        (found > 1).then_some(found + id)
    }

    #[cached(key = "lives:<id>", ttl = self.ttl)]
    pub(crate) async fn lives(&self, id: u64) -> u64 {
        self.load() + id
    }

    #[cached(key = "for-ever:<id>", ttl = Ttl::NEVER)]
    pub(crate) async fn for_ever(&self, id: u64) -> u64 {
        self.load() + id
    }

    #[cached(key = "shared:<id>", ttl = 300)]
    pub(crate) async fn shared(&self, id: u64) -> Arc<Large> {
        Arc::new(self.load_large(id))
    }

    #[cached(key = "plain:<id>", ttl = 300)]
    pub(crate) async fn plain(&self, id: u64) -> Large {
        self.load_large(id)
    }

    #[cached(key = "shared-result:<id>", ttl = 300)]
    pub(crate) async fn shared_result(&self, id: u64) -> Result<Arc<Large>, String> {
        Ok(Arc::new(self.load_large(id)))
    }

    #[cached(key = "shared-option:<id>", ttl = 300, none_ttl = 5)]
    pub(crate) async fn shared_option(&self, id: u64) -> Option<Arc<Large>> {
        Some(Arc::new(self.load_large(id)))
    }

    #[cached(key = "shared-text:<id>", ttl = 300)]
    pub(crate) async fn shared_text(&self, id: u64) -> Arc<str> {
        (self.load() + id).to_string().into()
    }

    #[invalidates("number:<id>", "rare:<id>")]
    pub(crate) async fn change(&self, id: u64, source: u64) {
        let _ = id;
        self.set_source(source);
    }

    #[updates("number:<id>")]
    pub(crate) async fn replace(&self, id: u64, source: u64) -> u64 {
        self.set_source(source);
        source + id
    }

    pub(crate) fn load(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.source.load(Ordering::Relaxed)
    }

    pub(crate) fn load_large(&self, id: u64) -> Large {
        Large { text: (self.load() + id).to_string(), clones: Arc::default() }
    }

    pub(crate) fn set_source(&self, source: u64) {
        self.source.store(source, Ordering::Relaxed);
    }

    /// How many bodies ran.
    pub(crate) fn loads(&self) -> usize {
        self.loads.load(Ordering::Relaxed)
    }

    /// How many operations of the backend there were.
    pub(crate) fn calls(&self) -> usize {
        self.counting.calls()
    }

    /// Another service over the same backend, with a local tier of its own.
    pub(crate) fn another(&self, tier: LocalTier) -> Self {
        let backend: Arc<dyn Backend> = Arc::new(self.counting.clone());
        let cache = KvCacheService::builder(backend)
            .clock(self.time.clock())
            .local_tier(tier.local_ttl(UNBOUNDED))
            .build();
        Self { cache: cache.expect("a valid prefix"), ..self.clone() }
    }

    pub(crate) fn advance_millis(&self, millis: u64) {
        self.time.advance(Duration::from_millis(millis));
    }
}

/// Polls a call that must be ready at once: there is nothing to wait for in memory.
pub(crate) fn ready<T>(call: impl Future<Output = T>) -> T {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the call waits"),
    }
}
