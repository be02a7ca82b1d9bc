//! A service with batches over a memory that counts, on a clock that stands still, with a gate before each load.

use std::collections::HashMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{Backend, KvCacheService, LocalKvNamespace, LocalTier, cached, invalidates};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::backend::Faulty;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure(pub(crate) u64);

/// A failure that cannot be shared.
#[derive(Debug, PartialEq)]
pub(crate) struct Unshared(pub(crate) u64);

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) cache: KvCacheService,
    pub(crate) faulty: Faulty,
    pub(crate) time: ManualClock,
    /// What every id that is there has, with the id added.
    source: Arc<AtomicU64>,
    /// What each run of a batch's body was asked for.
    asked: Arc<Mutex<Vec<Vec<u64>>>>,
    singles: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
    panics: Arc<AtomicBool>,
}

/// From which id on nothing is there.
pub(crate) const ABSENT: u64 = 100;

/// In a batch with it, the body fails.
pub(crate) const FAILS: u64 = 66;

pub(crate) type Projects = HashMap<u64, u64>;

pub(crate) fn world() -> World {
    world_with(Some(LocalTier::new(1_000)))
}

/// A world with a local tier, or without one.
pub(crate) fn world_with(tier: Option<LocalTier>) -> World {
    let time = ManualClock::new();
    let memory = LocalKvNamespace::builder().clock(time.clock()).build();
    let faulty = Faulty::new(memory);
    let backend: Arc<dyn Backend> = Arc::new(faulty.clone());
    let builder = KvCacheService::builder(backend)
        .clock(time.clock())
        .local_tier(tier.unwrap_or(LocalTier::new(0)).local_ttl(Duration::MAX));
    World {
        cache: builder.build().expect("a valid prefix"),
        faulty,
        time,
        source: Arc::new(AtomicU64::new(1_000)),
        asked: Arc::default(),
        singles: Arc::default(),
        gate: Arc::new(Semaphore::new(1_000_000)),
        panics: Arc::default(),
    }
}

impl World {
    #[cached(key = "project:<id>", ttl = 300, none_ttl = 5)]
    pub(crate) async fn project(&self, id: u64) -> Result<Option<u64>, Failure> {
        self.one(id).await
    }

    #[cached(key = "project:<id>", each(id in ids))]
    pub(crate) async fn projects(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Failure> {
        self.many(ids).await
    }

    #[cached(key = "plain:<id>", ttl = 300)]
    pub(crate) async fn plain(&self, id: u64) -> u64 {
        self.one(id).await.ok().flatten().unwrap_or(0)
    }

    #[cached(key = "plain:<id>", each(id in ids))]
    pub(crate) async fn plains(&self, ids: &[u64]) -> HashMap<u64, u64> {
        self.many(ids).await.unwrap_or_default()
    }

    #[cached(key = "unshared:<id>", ttl = 300)]
    pub(crate) async fn unshared(&self, id: u64) -> Result<u64, Unshared> {
        self.one(id).await.map(Option::unwrap_or_default).map_err(|Failure(id)| Unshared(id))
    }

    #[cached(key = "unshared:<id>", each(id in ids))]
    pub(crate) async fn unshareds(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Unshared> {
        self.many(ids).await.map_err(|Failure(id)| Unshared(id))
    }

    #[cached(key = "even:<id>", ttl = 300, cache_if = |value| value % 2 == 0)]
    pub(crate) async fn even(&self, id: u64) -> u64 {
        self.plain(id).await
    }

    #[cached(key = "even:<id>", each(id in ids), cache_if = |value| value % 2 == 0)]
    pub(crate) async fn evens(&self, ids: &[u64]) -> HashMap<u64, u64> {
        self.many(ids).await.unwrap_or_default()
    }

    #[cached(key = "more:<id>", ttl = 300)]
    pub(crate) async fn more(&self, id: u64) -> u64 {
        self.plain(id).await
    }

    /// Gives one more than it was asked for.
    #[cached(key = "more:<id>", each(id in ids))]
    pub(crate) async fn mores(&self, ids: &[u64]) -> HashMap<u64, u64> {
        let mut found = self.many(ids).await.unwrap_or_default();
        found.insert(77, 77);
        found
    }

    #[invalidates("project:<id>")]
    pub(crate) async fn change(&self, id: u64, source: u64) {
        let _ = id;
        self.set_source(source);
    }

    async fn one(&self, id: u64) -> Result<Option<u64>, Failure> {
        self.singles.fetch_add(1, Ordering::SeqCst);
        let found = self.source.load(Ordering::SeqCst) + id;
        self.pass().await;
        if id == FAILS { Err(Failure(id)) } else { Ok((id < ABSENT).then_some(found)) }
    }

    async fn many(&self, ids: &[u64]) -> Result<HashMap<u64, u64>, Failure> {
        self.asked.lock().expect("no panic in here").push(ids.to_vec());
        let source = self.source.load(Ordering::SeqCst);
        self.pass().await;
        assert!(!self.panics.load(Ordering::SeqCst), "the test says so");
        if ids.contains(&FAILS) {
            return Err(Failure(FAILS));
        }
        Ok(ids.iter().filter(|id| **id < ABSENT).map(|id| (*id, source + id)).collect())
    }

    async fn pass(&self) {
        self.gate.acquire().await.expect("the gate is never closed").forget();
    }

    /// Lets the clock run, until what this returns is dropped: who comes between the seal of a load and its fill looks
    /// again for the fill after a pause.
    pub(crate) fn run_clock(&self) -> JoinSet<()> {
        let time = self.time.clone();
        let mut ticking = JoinSet::new();
        ticking.spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                time.advance(Duration::from_millis(1));
            }
        });
        ticking
    }

    /// Lets no load end until [`open`](Self::open).
    pub(crate) fn shut(&self) {
        self.gate.forget_permits(1_000_000);
    }

    pub(crate) fn open(&self) {
        self.gate.add_permits(1_000_000);
    }

    pub(crate) fn set_source(&self, source: u64) {
        self.source.store(source, Ordering::SeqCst);
    }

    pub(crate) fn panic(&self, panics: bool) {
        self.panics.store(panics, Ordering::SeqCst);
    }

    /// What the bodies of batches were asked for since the last time.
    pub(crate) fn asked(&self) -> Vec<Vec<u64>> {
        std::mem::take(&mut *self.asked.lock().expect("no panic in here"))
    }

    /// How many bodies of methods of a single id ran since the last time.
    pub(crate) fn singles(&self) -> usize {
        self.singles.swap(0, Ordering::SeqCst)
    }

    /// Another service over the same backend, with a local tier of its own.
    pub(crate) fn another(&self) -> Self {
        let backend: Arc<dyn Backend> = Arc::new(self.faulty.clone());
        let cache = KvCacheService::builder(backend).clock(self.time.clock()).build();
        Self { cache: cache.expect("a valid prefix"), ..self.clone() }
    }
}

/// The values of ids, as the source has them.
pub(crate) fn values(source: u64, ids: &[u64]) -> HashMap<u64, u64> {
    ids.iter().map(|id| (*id, source + id)).collect()
}

pub(crate) fn poll<T>(call: &mut Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a call that must be ready at once.
pub(crate) fn ready<T>(call: impl Future<Output = T>) -> T {
    match poll(&mut pin!(call)) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the call waits"),
    }
}

/// Fails a test that hangs, by the machine's clock.
pub(crate) async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(120), test).await.expect("nothing hangs")
}

/// Gives every other task of a single-threaded runtime many turns.
pub(crate) async fn others() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
