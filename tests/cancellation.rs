//! Calls that are dropped at every await point, bodies that panic, and backends that fail or hang: no call hangs, no
//! stale value stays, and caching goes on.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use cache_runtime::testing::{Fault, ManualClock, Operation};
use cache_runtime::{Backend, CacheError, KvCacheService, LocalKvNamespace, cached, invalidates, updates};
use futures_util::FutureExt;

#[path = "faults/backend.rs"]
mod backend;

use backend::{Faulty, TIMEOUT, answer, pend};

/// How long a barrier stands without its writer, and a lease lasts, at most.
const LIFE: Duration = Duration::from_secs(40);

/// How often each step of a body and of the backend is pending.
const PENDING: usize = 2;

/// A source of one number, a cache of it, and a clock for both.
#[derive(Clone)]
struct World {
    cache: KvCacheService,
    faulty: Faulty,
    time: ManualClock,
    source: Arc<AtomicU64>,
    loads: Arc<AtomicU64>,
    /// Whether a body is under way: begun, and neither ended nor dropped.
    in_body: Arc<AtomicBool>,
    panics: Arc<AtomicBool>,
}

/// Where a call's values are found again.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    /// Behind a backend with faults, without a local tier.
    Behind,
    /// In memory, with a local tier.
    InMemory,
}

const PLACES: [Place; 2] = [Place::Behind, Place::InMemory];

fn world(place: Place) -> World {
    let time = ManualClock::new();
    let memory = LocalKvNamespace::builder().clock(time.clock()).build();
    let faulty = Faulty::new(memory.clone());
    let backend: Arc<dyn Backend> = match place {
        Place::Behind => Arc::new(faulty.clone()),
        Place::InMemory => Arc::new(memory),
    };
    // A lease that a fault has lost is nobody's: waiting for it tells nothing here.
    let cache = KvCacheService::builder(backend).clock(time.clock()).lease_wait(Duration::ZERO);
    let cache = cache.build().expect("a valid prefix");
    let (source, loads, in_body, panics) =
        (Arc::new(AtomicU64::new(1)), Arc::default(), Arc::default(), Arc::default());
    World { cache, faulty, time, source, loads, in_body, panics }
}

/// Says that the body is over, however it ended, unless it was dropped.
struct InBody<'a>(&'a AtomicBool);

impl<'a> InBody<'a> {
    fn begin(flag: &'a AtomicBool) -> Self {
        flag.store(true, Ordering::Relaxed);
        Self(flag)
    }

    fn end(self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl World {
    #[cached(key = "book:<id>", ttl = 300)]
    async fn book(&self, id: u64) -> Result<u64, String> {
        let _ = id;
        let body = InBody::begin(&self.in_body);
        self.loads.fetch_add(1, Ordering::Relaxed);
        pend(PENDING).await;
        assert!(!self.panics.load(Ordering::Relaxed), "the test says so");
        let read = self.source.load(Ordering::Relaxed);
        pend(PENDING).await;
        body.end();
        Ok(read)
    }

    #[invalidates("book:<id>")]
    async fn write(&self, id: u64, value: u64) -> Result<u64, String> {
        let _ = id;
        Ok(self.store(value).await)
    }

    #[invalidates("book:<id>", when = "always")]
    async fn write_always(&self, id: u64, value: u64) -> Result<u64, String> {
        let _ = id;
        Ok(self.store(value).await)
    }

    #[updates("book:<id>")]
    async fn rewrite(&self, id: u64, value: u64) -> Result<u64, String> {
        let _ = id;
        Ok(self.store(value).await)
    }

    async fn store(&self, value: u64) -> u64 {
        let body = InBody::begin(&self.in_body);
        pend(PENDING).await;
        assert!(!self.panics.load(Ordering::Relaxed), "the test says so");
        self.source.store(value, Ordering::Relaxed);
        pend(PENDING).await;
        body.end();
        value
    }

    async fn write_by(&self, way: Way, value: u64) -> Result<u64, String> {
        match way {
            Way::Invalidates => self.write(1, value).await,
            Way::Always => self.write_always(1, value).await,
            Way::Updates => self.rewrite(1, value).await,
        }
    }

    fn source(&self) -> u64 {
        self.source.load(Ordering::Relaxed)
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// The value of a call that waits for nothing but its own steps.
    async fn read(&self) -> u64 {
        let (read, waited) = answer(&self.time, self.book(1)).await;
        assert_eq!(waited, Duration::ZERO, "the call waited for something that did not come");
        read.expect("the body does not fail")
    }

    /// Whether a value stands in the backend.
    async fn is_stored(&self) -> bool {
        self.faulty.inner().get("app:book:1").await.expect("memory answers").is_some()
    }

    /// A minute, in which the background tries again what the backend refused.
    async fn let_retries_run(&self) {
        for _ in 0..60 {
            self.time.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
        assert_eq!(self.cache.pending_invalidations(), 0);
    }

    /// Two calls, of which the second is a hit.
    async fn assert_caching(&self, why: &str) {
        assert_eq!(self.read().await, self.source(), "{why}");
        let before = self.loads();
        assert_eq!(self.read().await, self.source(), "{why}");
        assert_eq!(self.loads(), before, "caching goes on: {why}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Way {
    Invalidates,
    Always,
    Updates,
}

const WAYS: [Way; 3] = [Way::Invalidates, Way::Always, Way::Updates];

/// Polls a call so often and drops it. Returns whether it was over by then. What it left to the background is done.
async fn dropped_after<T>(polls: usize, call: impl Future<Output = T>) -> bool {
    let mut call = Box::pin(call);
    let mut is_over = false;
    for _ in 0..polls {
        is_over = poll_fn(|context| Poll::Ready(call.as_mut().poll(context).is_ready())).await;
        if is_over {
            break;
        }
        tokio::task::yield_now().await;
    }
    drop(call);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    is_over
}

#[tokio::test]
async fn a_cached_call_that_is_dropped_at_any_await_leaves_no_hang_and_no_stale_value() {
    for place in PLACES {
        for polls in 0.. {
            let w = world(place);
            w.faulty.set_all(Fault::Pend(PENDING));
            let is_over = dropped_after(polls, w.book(1)).await;
            let was_in_body = w.in_body.load(Ordering::Relaxed);
            let why = format!("{place:?}, dropped after {polls} polls");
            if was_in_body {
                assert!(!w.is_stored().await, "{why}");
                w.assert_caching(&format!("the lease was given back: {why}")).await;
            }
            assert_eq!(w.read().await, 1, "{why}");
            answer(&w.time, w.write(1, 2)).await.0.expect("it writes");
            assert_eq!(w.read().await, 2, "{why}");
            w.time.advance(LIFE);
            w.assert_caching(&why).await;
            if is_over {
                assert!(polls > 2 * PENDING, "the sweep met every step");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_cached_call_that_is_dropped_beside_another_caller_leaves_that_one_its_answer() {
    for place in PLACES {
        for polls in 0.. {
            let w = world(place);
            w.faulty.set_all(Fault::Pend(PENDING));
            let other = tokio::spawn({
                let w = w.clone();
                async move { answer(&w.time, w.book(1)).await }
            });
            let is_over = dropped_after(polls, w.book(1)).await;
            let (read, waited) = other.await.expect("no call panics");
            assert_eq!((read, waited), (Ok(1), Duration::ZERO), "{place:?}, dropped after {polls} polls");
            if is_over {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_write_that_is_dropped_at_any_await_leaves_no_stale_value_and_caching_resumes() {
    for (place, way) in PLACES.into_iter().flat_map(|place| WAYS.map(|way| (place, way))) {
        for polls in 0.. {
            let w = world(place);
            assert_eq!(w.read().await, 1);
            w.faulty.set_all(Fault::Pend(PENDING));
            let is_over = dropped_after(polls, w.write_by(way, 2)).await;
            let was_in_body = w.in_body.load(Ordering::Relaxed);
            let why = format!("{place:?}, {way:?} dropped after {polls} polls");
            assert_eq!(w.read().await, w.source(), "{why}");
            if was_in_body {
                assert!(!w.is_stored().await, "nothing is filled while the barrier stands: {why}");
                // The source may still commit what the dropped body sent to it.
                w.time.advance(Duration::from_millis(29_999));
                assert_eq!(w.read().await, w.source(), "{why}");
                w.source.store(3, Ordering::Relaxed);
                assert_eq!(w.read().await, 3, "{why}");
                assert!(!w.is_stored().await, "nothing is filled while the barrier stands: {why}");
                w.time.advance(Duration::from_millis(10_001));
                w.assert_caching(&why).await;
            }
            w.time.advance(LIFE);
            w.assert_caching(&why).await;
            if is_over {
                assert!(polls > 2 * PENDING, "the sweep met every step");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_load_that_spans_a_dropped_write_does_not_leave_its_old_value() {
    for (place, way) in PLACES.into_iter().flat_map(|place| WAYS.map(|way| (place, way))) {
        for polls in 0..40 {
            let w = world(place);
            w.faulty.set_all(Fault::Pend(PENDING));
            // It has read the source, and is pending.
            let mut load = Box::pin(w.book(1));
            while !w.in_body.load(Ordering::Relaxed) {
                assert!(load.as_mut().now_or_never().is_none(), "it has not loaded yet");
            }
            for _ in 0..PENDING {
                assert!(load.as_mut().now_or_never().is_none(), "it pends after it has read");
            }
            dropped_after(polls, w.write_by(way, 2)).await;
            let (read, _) = answer(&w.time, load).await;
            read.expect("it loads");
            assert_eq!(w.read().await, w.source(), "{place:?}, {way:?} dropped after {polls} polls");
        }
    }
}

/// Whether a call panics.
async fn panics<T, F>(w: &World, call: impl FnOnce(World) -> F) -> bool
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    tokio::spawn(call(w.clone())).await.is_err_and(|error| error.is_panic())
}

#[tokio::test]
async fn a_cached_body_that_panics_gives_its_lease_back() {
    for place in PLACES {
        let w = world(place);
        w.panics.store(true, Ordering::Relaxed);
        assert!(panics(&w, |w| async move { w.book(1).await }).await, "the panic is the caller's");
        w.panics.store(false, Ordering::Relaxed);
        w.assert_caching("after a panic").await;
        assert_eq!(w.loads(), 2);
    }
}

#[tokio::test]
async fn a_write_whose_body_panics_leaves_a_barrier_and_no_stale_value() {
    for (place, way) in PLACES.into_iter().flat_map(|place| WAYS.map(|way| (place, way))) {
        let w = world(place);
        assert_eq!(w.read().await, 1);
        w.panics.store(true, Ordering::Relaxed);
        assert!(panics(&w, |w| async move { w.write_by(way, 2).await }).await, "the panic is the caller's");
        w.panics.store(false, Ordering::Relaxed);
        assert_eq!(w.read().await, 1);
        assert!(!w.is_stored().await, "nothing is filled while the barrier stands: {way:?}");
        w.source.store(2, Ordering::Relaxed);
        assert_eq!(w.read().await, 2, "the source committed after the panic: {way:?}");
        w.time.advance(LIFE);
        w.assert_caching("after the barrier's life").await;
    }
}

const FAULTS: [Fault; 4] = [Fault::Error, Fault::ErrorAfter, Fault::Hang, Fault::HangAfter];

#[tokio::test]
async fn a_cached_call_answers_within_the_timeout_whatever_one_operation_does() {
    for (operation, fault) in
        Operation::ALL.into_iter().flat_map(|operation| FAULTS.map(|fault| (operation, fault)))
    {
        let w = world(Place::Behind);
        w.faulty.set(operation, fault);
        for expected in [1, 1] {
            let (read, waited) = answer(&w.time, w.book(1)).await;
            assert_eq!(read, Ok(expected), "{operation:?} {fault:?}");
            assert!(waited <= TIMEOUT, "{operation:?} {fault:?}: {waited:?}");
        }
        w.faulty.heal();
        answer(&w.time, w.write(1, 2)).await.0.expect("it writes");
        assert_eq!(w.read().await, 2, "{operation:?} {fault:?}");
        w.time.advance(LIFE);
        w.assert_caching(&format!("{operation:?} {fault:?}")).await;
    }
}

#[tokio::test]
async fn a_write_answers_within_the_timeout_and_leaves_no_stale_value_whatever_one_operation_does() {
    for way in WAYS {
        for (operation, fault) in
            Operation::ALL.into_iter().flat_map(|operation| FAULTS.map(|fault| (operation, fault)))
        {
            let w = world(Place::Behind);
            assert_eq!(w.read().await, 1);
            w.faulty.set(operation, fault);
            let (written, waited) = answer(&w.time, w.write_by(way, 2)).await;
            assert_eq!(written, Ok(2), "{way:?} {operation:?} {fault:?}");
            assert!(waited <= TIMEOUT, "{way:?} {operation:?} {fault:?}: {waited:?}");
            w.faulty.heal();
            assert_eq!(w.read().await, 2, "{way:?} {operation:?} {fault:?}");
            w.time.advance(LIFE);
            w.let_retries_run().await;
            w.assert_caching(&format!("{way:?} {operation:?} {fault:?}")).await;
        }
    }
}

#[tokio::test]
async fn calls_answer_when_every_operation_fails_or_hangs() {
    for fault in FAULTS {
        let w = world(Place::Behind);
        w.faulty.set_all(fault);
        let (read, waited) = answer(&w.time, w.book(1)).await;
        assert_eq!(read, Ok(1), "{fault:?}");
        assert!(waited <= TIMEOUT, "{fault:?}: {waited:?}");
        assert!(w.faulty.calls() > 0, "the backend was asked");
        for way in WAYS {
            let (written, waited) = answer(&w.time, w.write_by(way, 2)).await;
            assert_eq!(written, Ok(2), "{way:?} {fault:?}");
            assert!(waited <= 2 * TIMEOUT, "it begins and it ends: {way:?} {fault:?}: {waited:?}");
        }
    }
}

#[tokio::test]
async fn an_invalidation_that_the_backend_refused_is_retried_and_its_key_bypassed_meanwhile() {
    for (way, fault) in WAYS.into_iter().flat_map(|way| [Fault::Error, Fault::Hang].map(|fault| (way, fault)))
    {
        let w = world(Place::Behind);
        assert_eq!(w.read().await, 1);
        for operation in [
            Operation::BeginWrite,
            Operation::FinishWrite,
            Operation::Delete,
            Operation::DeleteMany,
            Operation::Put,
            Operation::PutMany,
        ] {
            w.faulty.set(operation, fault);
        }
        assert_eq!(answer(&w.time, w.write_by(way, 2)).await.0, Ok(2));
        assert_eq!(
            w.read().await,
            2,
            "the key is bypassed while the backend does not know: {way:?} {fault:?}"
        );
        w.faulty.heal();
        w.let_retries_run().await;
        assert_eq!(w.read().await, 2, "{way:?} {fault:?}");
        w.assert_caching(&format!("{way:?} {fault:?}")).await;
    }
}

#[tokio::test]
async fn a_method_of_the_service_fails_within_its_timeout_when_the_backend_hangs() {
    let w = world(Place::Behind);
    w.faulty.set_all(Fault::Hang);
    let cache = &w.cache;
    macro_rules! each {
        ($($operation:literal: $call:expr),* $(,)?) => {$(
            let (result, waited) = answer(&w.time, $call).await;
            let error: CacheError = result.map(drop).expect_err("it hangs");
            assert_eq!(error.to_string(), concat!($operation, ": memory failed"));
            let source = std::error::Error::source(&error).map(ToString::to_string);
            assert_eq!(source.as_deref(), Some("no answer within 2s"));
            assert_eq!(waited, TIMEOUT, $operation);
        )*};
    }
    each! {
        "get": cache.get::<u8>("k"),
        "get_many": cache.get_many::<u8, _>(["k"]),
        "set": cache.set("k", &1, 60),
        "set_many": cache.set_many([("k", &1)], 60),
        "delete": cache.delete("k"),
        "delete_many": cache.delete_many(["k"]),
        "exists": cache.exists("k"),
        "ttl": cache.ttl("k"),
        "touch": cache.touch("k", 60),
        "keys": cache.keys("*"),
        "increment": cache.increment("k", 1),
        "increment_with_ttl": cache.increment_with_ttl("k", 1, 60),
        "decrement": cache.decrement("k", 1),
    }
}

#[tokio::test]
async fn a_method_of_the_service_that_is_dropped_has_happened_or_has_not() {
    for polls in 0..12 {
        let w = world(Place::Behind);
        let cache = &w.cache;
        cache.set("k", &1, 60).await.expect("it stores");
        cache.increment("n", 1).await.expect("it counts");
        w.faulty.set_all(Fault::Pend(PENDING));
        let set = dropped_after(polls, cache.set("k", &2, 600)).await;
        let counted = dropped_after(polls, cache.increment("n", 1)).await;
        let cleared = dropped_after(polls, cache.delete("gone")).await;
        w.faulty.heal();
        let value = cache.get::<u8>("k").await.expect("it answers").expect("one of the two is there");
        let left = cache.ttl("k").await.expect("it answers").and_then(cache_runtime::Ttl::as_duration);
        let whole = [(1, Duration::from_mins(1)), (2, Duration::from_mins(10))];
        assert!(left.is_some_and(|left| whole.contains(&(value, left))), "{polls}: {value} {left:?}");
        let count = cache.get::<u8>("n").await.expect("it answers");
        assert!(matches!(count, Some(1 | 2)), "{polls}: {count:?}");
        assert!(!set || value == 2);
        assert!(!counted || count == Some(2));
        assert_eq!(set, cleared, "each has as many steps");
    }
}
