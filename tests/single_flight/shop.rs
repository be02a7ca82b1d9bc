//! A service over memory whose loads begin and end when the test says so, and a clock that stands still.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{Backend, KvCacheService, LocalKvNamespace, cached, invalidates, updates};
use tokio::sync::Semaphore;

/// How long a test may take by the machine's clock before it counts as hung.
const HANG: Duration = Duration::from_secs(120);

/// How long a call waits for another's load before it loads beside it, by the test's clock.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A source of prices, a cache of them, and a gate before each load and each write.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) cache: KvCacheService,
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) time: ManualClock,
    /// What a load reads.
    pub(crate) source: Arc<AtomicU64>,
    /// How many loads have begun.
    loads: Arc<AtomicU64>,
    /// A load waits here after it has read the source.
    gate: Arc<Semaphore>,
    /// A write waits here after it has written the source.
    write_gate: Arc<Semaphore>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Failure(pub(crate) u64);

/// An error that cannot be shared.
#[derive(Debug, PartialEq)]
pub(crate) struct Unshared(pub(crate) u64);

pub(crate) fn shop() -> Shop {
    let time = ManualClock::new();
    let backend: Arc<dyn Backend> = Arc::new(LocalKvNamespace::builder().clock(time.clock()).build());
    let cache = KvCacheService::builder(Arc::clone(&backend)).clock(time.clock()).build();
    Shop {
        cache: cache.expect("a valid prefix"),
        backend,
        time,
        source: Arc::new(AtomicU64::new(1)),
        loads: Arc::default(),
        gate: Arc::new(Semaphore::new(0)),
        write_gate: Arc::new(Semaphore::new(0)),
    }
}

impl Shop {
    #[cached(key = "price:<id>", ttl = 300)]
    pub(crate) async fn price(&self, id: u64) -> u64 {
        let _ = id;
        self.load().await
    }

    #[cached(key = "rare:<id>", ttl = 300, none_ttl = 5)]
    pub(crate) async fn rare(&self, id: u64) -> Option<u64> {
        let _ = id;
        let found = self.load().await;
        (found > 1).then_some(found)
    }

    #[cached(key = "shared:<id>", ttl = 300)]
    pub(crate) async fn fails(&self, id: u64) -> Result<u64, Failure> {
        let _ = id;
        Err(Failure(self.load().await))
    }

    #[cached(key = "unshared:<id>", ttl = 300)]
    pub(crate) async fn fails_alone(&self, id: u64) -> Result<u64, Unshared> {
        let _ = id;
        Err(Unshared(self.load().await))
    }

    #[cached(key = "panics:<id>", ttl = 300, skip(least))]
    pub(crate) async fn panics_below(&self, id: u64, least: u64) -> u64 {
        let _ = id;
        let found = self.load().await;
        assert!(found >= least, "the test says so");
        found
    }

    #[invalidates("price:<id>")]
    pub(crate) async fn reprice(&self, id: u64, price: u64) -> u64 {
        let _ = id;
        self.write(price).await
    }

    #[invalidates("price:<ret>")]
    pub(crate) async fn reprice_by_result(&self, id: u64, price: u64) -> u64 {
        self.write(price).await;
        id
    }

    #[invalidates("price:<id>", when = "always")]
    pub(crate) async fn reprice_and_fail(&self, id: u64, price: u64) -> Result<(), Failure> {
        let _ = id;
        Err(Failure(self.write(price).await))
    }

    #[updates("price:<id>")]
    pub(crate) async fn replace(&self, id: u64, price: u64) -> u64 {
        let _ = id;
        self.write(price).await
    }

    /// Reads the source, then waits for a place in the gate.
    pub(crate) async fn load(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let found = self.source.load(Ordering::SeqCst);
        self.gate.acquire().await.expect("the gate is never closed").forget();
        found
    }

    async fn write(&self, price: u64) -> u64 {
        self.source.store(price, Ordering::SeqCst);
        self.write_gate.acquire().await.expect("the gate is never closed").forget();
        price
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    pub(crate) fn set_source(&self, price: u64) {
        self.source.store(price, Ordering::SeqCst);
    }

    /// Lets so many loads end.
    pub(crate) fn let_end(&self, loads: usize) {
        self.gate.add_permits(loads);
    }

    /// Lets every load and every write end as soon as it can.
    pub(crate) fn open(&self) {
        self.gate.add_permits(1_000_000);
        self.open_writes();
    }

    pub(crate) fn open_writes(&self) {
        self.write_gate.add_permits(1_000_000);
    }

    /// Another service over the same backend, with a local tier of its own.
    pub(crate) fn another(&self) -> Self {
        let cache = KvCacheService::builder(Arc::clone(&self.backend)).clock(self.time.clock()).build();
        Self { cache: cache.expect("a valid prefix"), ..self.clone() }
    }
}

/// Polls a call once, without anybody to wake.
pub(crate) fn poll<T>(call: &mut Pin<&mut impl Future<Output = T>>) -> Poll<T> {
    call.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Polls a call that must be ready.
pub(crate) fn ready<T>(call: impl Future<Output = T>) -> T {
    match poll(&mut pin!(call)) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the call waits"),
    }
}

/// Fails a test that hangs, by the machine's clock.
pub(crate) async fn within<T>(test: impl Future<Output = T>) -> T {
    tokio::time::timeout(HANG, test).await.expect("nothing hangs")
}

/// Gives every other task of a single-threaded runtime many turns.
pub(crate) async fn others() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Awaits `call`, and moves the clock by `step` whenever nothing goes on. Panics after `most` steps. Needs a
/// single-threaded runtime. Returns the value and how far the clock was moved.
pub(crate) async fn end_by_steps<T>(
    shop: &Shop,
    step: Duration,
    most: u32,
    call: impl Future<Output = T>,
) -> (T, Duration) {
    let mut call = pin!(call);
    for steps in 0..=most {
        for _ in 0..100 {
            let polled = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
            if let Poll::Ready(value) = polled {
                return (value, step * steps);
            }
            tokio::task::yield_now().await;
        }
        shop.time.advance(step);
    }
    panic!("the call has not ended after {:?}", step * most);
}
