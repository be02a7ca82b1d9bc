//! The barrier of a write, over time: as long as the body runs, and `write_timeout` longer where it is dropped.

use std::convert::Infallible;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_runtime::testing::{Fault, ManualClock, Operation};
use cache_runtime::{Backend, KvCacheService, LocalKvNamespace, Read, cached, invalidates, updates};
use tokio::sync::Semaphore;

#[path = "faults/backend.rs"]
#[expect(dead_code, reason = "shared with the tests of faults")]
mod backend;

use backend::Faulty;

/// A price, and writes of it that last until the gate lets them go.
struct Shop {
    cache: KvCacheService,
    backend: Faulty,
    time: ManualClock,
    source: AtomicU64,
    gate: Semaphore,
}

impl Shop {
    fn new() -> Self {
        let time = ManualClock::new();
        let backend = Faulty::new(LocalKvNamespace::builder().clock(time.clock()).build());
        let cache = KvCacheService::builder(Arc::new(backend.clone())).clock(time.clock()).build();
        let cache = cache.expect("a valid prefix");
        Self { cache, backend, time, source: AtomicU64::new(1), gate: Semaphore::new(0) }
    }

    #[cached(key = "price:<id>", ttl = 300)]
    async fn price(&self, id: u64) -> u64 {
        let _ = id;
        self.source.load(Ordering::Relaxed)
    }

    #[invalidates("price:<id>")]
    async fn change(&self, id: u64) -> Result<(), Infallible> {
        let _ = id;
        self.gate.acquire().await.expect("the gate is not closed").forget();
        Ok(())
    }

    #[invalidates("price:<id>", write_timeout = "2m", when = "always")]
    async fn change_slowly(&self, id: u64) -> Result<(), Infallible> {
        let _ = id;
        self.gate.acquire().await.expect("the gate is not closed").forget();
        Ok(())
    }

    #[updates("price:<id>", write_timeout = Duration::from_secs(3))]
    async fn set(&self, id: u64) -> Result<u64, Infallible> {
        let _ = id;
        self.gate.acquire().await.expect("the gate is not closed").forget();
        Ok(self.source.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Whether the key is under a barrier; else its lease is given back.
    fn is_barred(&self) -> bool {
        match ready(self.backend.read("app:price:7")).expect("memory answers") {
            Read::Barred => true,
            Read::Miss(Some(lease)) => {
                ready(self.backend.release("app:price:7", lease)).expect("memory answers");
                false
            }
            other => panic!("nothing is stored: {other:?}"),
        }
    }

    /// Lets `seconds` pass, one after another, and polls the write after each.
    fn pass(&self, seconds: u64, write: &mut Pin<&mut impl Future<Output: Send>>) {
        for _ in 0..seconds {
            self.time.advance(Duration::from_secs(1));
            assert!(poll(write).is_pending(), "the body has not ended");
        }
    }
}

fn poll<F: Future>(future: &mut Pin<&mut F>) -> Poll<F::Output> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// The output of a future that awaits nothing but memory.
fn ready<F: Future>(future: F) -> F::Output {
    match poll(&mut pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("memory answers at once"),
    }
}

#[test]
fn a_barrier_stands_as_long_as_the_body_runs() {
    let shop = Shop::new();
    let mut write = pin!(shop.change(7));
    assert!(poll(&mut write).is_pending());
    for _ in 0..60 {
        shop.pass(10, &mut write);
        assert!(shop.is_barred());
    }
    shop.gate.add_permits(1);
    assert!(poll(&mut write).is_ready());
    assert!(!shop.is_barred(), "a write that is over bars nobody");
}

#[test]
fn a_dropped_write_has_its_write_timeout_left_whenever_it_is_dropped() {
    for seconds in [0, 1, 9, 10, 11, 25, 100] {
        let shop = Shop::new();
        {
            let mut write = pin!(shop.change(7));
            assert!(poll(&mut write).is_pending());
            shop.pass(seconds, &mut write);
        }
        shop.time.advance(Duration::from_millis(29_999));
        assert!(shop.is_barred(), "dropped after {seconds} s");
        shop.time.advance(Duration::from_millis(10_001));
        assert!(!shop.is_barred(), "dropped after {seconds} s: nobody renews it");
    }
}

#[test]
fn a_write_that_is_not_polled_any_more_has_its_write_timeout_left() {
    let shop = Shop::new();
    let mut write = pin!(shop.change(7));
    assert!(poll(&mut write).is_pending());
    shop.pass(35, &mut write);
    shop.time.advance(Duration::from_millis(29_999));
    assert!(shop.is_barred());
    shop.time.advance(Duration::from_millis(10_001));
    assert!(!shop.is_barred());
    // Polled again, it brings nothing back, and ends as any other.
    assert!(poll(&mut write).is_pending());
    assert!(!shop.is_barred());
    shop.gate.add_permits(1);
    assert!(poll(&mut write).is_ready());
}

#[test]
fn an_attribute_may_have_its_own_write_timeout() {
    let shop = Shop::new();
    {
        let mut write = pin!(shop.change_slowly(7));
        assert!(poll(&mut write).is_pending());
        shop.pass(15, &mut write);
    }
    shop.time.advance(Duration::from_millis(119_999));
    assert!(shop.is_barred());
    shop.time.advance(Duration::from_millis(10_001));
    assert!(!shop.is_barred());
    {
        let mut write = pin!(shop.set(7));
        assert!(poll(&mut write).is_pending());
        shop.pass(15, &mut write);
    }
    shop.time.advance(Duration::from_millis(2_999));
    assert!(shop.is_barred());
    shop.time.advance(Duration::from_millis(1_001));
    assert!(!shop.is_barred());
}

#[test]
fn the_update_of_a_long_write_is_stored() {
    let shop = Shop::new();
    let mut write = pin!(shop.set(7));
    assert!(poll(&mut write).is_pending());
    shop.pass(60, &mut write);
    shop.gate.add_permits(1);
    assert_eq!(poll(&mut write), Poll::Ready(Ok(2)));
    assert_eq!(ready(shop.cache.get(Shop::price_key(7))).expect("memory answers"), Some(2));
}

#[test]
fn a_renewal_that_fails_or_hangs_leaves_the_write_alone() {
    for fault in [Fault::Error, Fault::Hang] {
        let shop = Shop::new();
        let mut write = pin!(shop.change(7));
        assert!(poll(&mut write).is_pending());
        shop.backend.set(Operation::RenewWrite, fault);
        shop.pass(25, &mut write);
        shop.gate.add_permits(1);
        assert_eq!(poll(&mut write), Poll::Ready(Ok(())), "{fault:?}");
        assert_eq!(ready(shop.price(7)), 1);
    }
}

#[test]
fn a_short_write_is_not_renewed() {
    let shop = Shop::new();
    shop.gate.add_permits(1);
    ready(shop.change(7)).expect("it is written");
    assert_eq!(shop.backend.calls(), 2, "its beginning and its end");
    let mut write = pin!(shop.change(7));
    assert!(poll(&mut write).is_pending());
    shop.pass(9, &mut write);
    assert_eq!(shop.backend.calls(), 3, "its beginning");
    shop.pass(21, &mut write);
    assert_eq!(shop.backend.calls(), 6, "and three renewals");
}
