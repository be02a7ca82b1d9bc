//! The single-flight on a real executor. What a thread may do between any two steps is in the race tests.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::flight::{Entered, Flights, Leader, WaitLimits, Waited, leading};
use crate::clock::{Clock, ManualClock};
use crate::together::{join, join_all};

const LIMITS: WaitLimits =
    WaitLimits { outside: Duration::from_secs(20), inside: Duration::from_millis(100) };

/// Counts loads: how many there were, and the most at once.
#[derive(Default)]
struct Loads {
    begun: AtomicUsize,
    running: AtomicUsize,
    most: AtomicUsize,
}

impl Loads {
    async fn run<T>(&self, body: impl Future<Output = T>) -> T {
        struct Running<'a>(&'a AtomicUsize);
        impl Drop for Running<'_> {
            fn drop(&mut self) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.most.fetch_max(self.running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        let _running = Running(&self.running);
        body.await
    }

    fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }
}

/// A cached call without a backend and a tier.
async fn call<E: Send + Sync + 'static>(
    flights: &Flights,
    clock: &Clock,
    key: &str,
    shared: fn(&E) -> Option<E>,
    body: impl AsyncFnOnce() -> Result<u64, E>,
) -> Result<u64, String> {
    let leader: Option<Leader<u64>> = match flights.enter(0, key, None) {
        Entered::Lead(leader) => Some(leader),
        Entered::Wait(waiter) => match waiter.wait(LIMITS, clock).await {
            Waited::Value(value) => return Ok(value),
            Waited::Failed(_) => return Err("shared".into()),
            Waited::Lead(leader) | Waited::LoadYourself(leader) => Some(leader),
            Waited::TimedOut => None,
        },
    };
    let loaded = leading(body()).await;
    match (leader, loaded) {
        (Some(leader), Ok(value)) => {
            leader.seal();
            leader.finish(&value);
            Ok(value)
        }
        (Some(leader), Err(error)) => {
            leader.fail(shared(&error).map(|error| Arc::new(error) as _));
            Err("own".into())
        }
        (None, loaded) => loaded.map_err(|_| "own".into()),
    }
}

async fn sleep(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

async fn load_seven_slowly() -> Result<u64, ()> {
    sleep(1_000).await;
    Ok(7)
}

async fn load_seven() -> Result<u64, ()> {
    sleep(20).await;
    Ok(7)
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Starts `count` callers that load with `body`, each in a task.
fn callers<E: Send + Sync + 'static, F: Future<Output = Result<u64, E>> + Send + 'static>(
    count: usize,
    flights: &Arc<Flights>,
    loads: &Arc<Loads>,
    shared: fn(&E) -> Option<E>,
    body: fn() -> F,
) -> Vec<tokio::task::JoinHandle<Result<u64, String>>> {
    let start = |_| {
        let (flights, loads) = (Arc::clone(flights), Arc::clone(loads));
        tokio::spawn(async move {
            let clock = Clock::system();
            // Not in one turn of the executor, as if it ran them one by one.
            tokio::task::yield_now().await;
            call(&flights, &clock, "key", shared, async || loads.run(body()).await).await
        })
    };
    (0..count).map(start).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_of_a_cold_key_load_once() {
    let (flights, loads) = (Arc::new(Flights::new()), Arc::new(Loads::default()));
    for caller in callers(10_000, &flights, &loads, |()| None, load_seven_slowly) {
        assert_eq!(caller.await.expect("the caller ends"), Ok(7));
    }
    assert_eq!((loads.begun(), flights.len()), (1, 0));
}

#[tokio::test]
async fn a_dropped_leader_is_replaced_by_one_waiter() {
    let (flights, loads) = (Arc::new(Flights::new()), Arc::new(Loads::default()));
    let Entered::Lead(leader) = flights.enter::<u64>(0, "key", None) else { panic!("the key is cold") };
    let waiting = callers(100, &flights, &loads, |()| None, load_seven);
    sleep(20).await;
    drop(leader);
    for caller in waiting {
        assert_eq!(caller.await.expect("the caller ends"), Ok(7));
    }
    assert_eq!((loads.begun(), flights.len()), (1, 0));
}

#[tokio::test]
async fn a_panicking_leader_is_replaced_by_one_waiter() {
    let (flights, loads) = (Arc::new(Flights::new()), Arc::new(Loads::default()));
    let panicking = callers(
        1,
        &flights,
        &loads,
        |()| None,
        || async {
            sleep(20).await;
            panic!("the load panics, as the test wants")
        },
    );
    tokio::task::yield_now().await;
    tokio::task::yield_now().await;
    let waiting = callers(100, &flights, &loads, |()| None, load_seven);
    for caller in waiting {
        assert_eq!(caller.await.expect("the caller ends"), Ok(7));
    }
    for caller in panicking {
        assert!(caller.await.is_err());
    }
    assert_eq!((loads.begun(), flights.len()), (2, 0));
}

#[tokio::test]
async fn a_shared_failure_is_loaded_once_and_reaches_everybody() {
    let (flights, loads) = (Arc::new(Flights::new()), Arc::new(Loads::default()));
    let failing = callers(
        1_000,
        &flights,
        &loads,
        |()| Some(()),
        || async {
            sleep(20).await;
            Err(())
        },
    );
    for caller in failing {
        assert!(caller.await.expect("the caller ends").is_err());
    }
    assert_eq!((loads.begun(), flights.len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failures_that_cannot_be_shared_are_neither_one_by_one_nor_all_at_once() {
    let (flights, loads) = (Arc::new(Flights::new()), Arc::new(Loads::default()));
    let began = Instant::now();
    let failing = callers(
        1_000,
        &flights,
        &loads,
        |()| None,
        || async {
            sleep(20).await;
            Err(())
        },
    );
    for caller in failing {
        assert_eq!(caller.await.expect("the caller ends"), Err("own".into()));
    }
    assert_eq!((loads.begun(), loads.most(), flights.len()), (1_000, 16, 0));
    // One after another they would take 20 s.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[tokio::test]
async fn one_success_after_a_failure_serves_the_others() {
    let (flights, loads) = (Arc::new(Flights::new()), Arc::new(Loads::default()));
    let Entered::Lead(leader) = flights.enter::<u64>(0, "key", None) else { panic!("the key is cold") };
    let waiting = callers(1_000, &flights, &loads, |()| None, load_seven);
    sleep(20).await;
    leader.fail(None);
    for caller in waiting {
        assert_eq!(caller.await.expect("the caller ends"), Ok(7));
    }
    assert_eq!((loads.begun(), loads.most(), flights.len()), (16, 16, 0));
}

#[tokio::test]
async fn a_leader_pinned_in_a_select_does_not_hang_its_waiters() {
    let (flights, time) = (Flights::new(), ManualClock::new());
    let clock = time.clock();
    let mut pinned = pin!(call(&flights, &clock, "key", |()| None, load_seven));
    assert!(poll_once(pinned.as_mut()).is_pending());
    let mut waiting = pin!(call(&flights, &clock, "key", |()| None, async || Ok(8)));
    assert!(poll_once(waiting.as_mut()).is_pending());
    time.advance(LIMITS.outside);
    assert_eq!(waiting.await, Ok(8));
    // Of those who come now, none joins the answered flight.
    assert_eq!(call(&flights, &clock, "key", |()| None, async || Ok(9)).await, Ok(9));
    assert_eq!(pinned.await, Ok(7));
    assert_eq!(flights.len(), 0);
}

#[tokio::test]
async fn waiters_end_after_twice_the_limit_even_if_nobody_is_polled() {
    let (flights, time) = (Flights::new(), ManualClock::new());
    let clock = time.clock();
    let never = async || std::future::pending::<Result<u64, ()>>().await;
    let mut pinned = Vec::new();
    for _ in 0..17 {
        pinned.push(Box::pin(call(&flights, &clock, "key", |()| None, never)));
    }
    for _ in 0..2 {
        for call in &mut pinned {
            assert!(poll_once(call.as_mut()).is_pending());
        }
        time.advance(LIMITS.outside);
    }
    // One leads, fifteen more have had enough, the last has had enough of them too: all load.
    let mut last = pinned.pop().expect("there are 17");
    assert!(poll_once(last.as_mut()).is_pending());
    assert_eq!(flights.len(), 1);
    drop((pinned, last));
    assert_eq!(flights.len(), 0);
}

/// They share an alarm, which does not count on any of them to be polled.
#[tokio::test]
async fn who_waits_for_a_pinned_leader_is_woken_beside_one_that_is_pinned_too_and_not_before_its_time() {
    const SHORT: WaitLimits =
        WaitLimits { outside: Duration::from_millis(150), inside: Duration::from_millis(30) };
    let (flights, clock) = (Flights::new(), Clock::system());
    let enter = |limits| match flights.enter::<u64>(0, "key", None) {
        Entered::Wait(waiter) => waiter.wait(limits, &clock),
        Entered::Lead(_) => panic!("the key is led"),
    };
    let Entered::Lead(leader) = flights.enter::<u64>(0, "key", None) else { panic!("the key is cold") };
    let mut pinned = pin!(enter(SHORT));
    assert!(poll_once(pinned.as_mut()).is_pending());
    let wait = async |after| {
        sleep(after).await;
        let (began, limit) = (Instant::now(), SHORT.here());
        let waited = enter(SHORT).await;
        let times = if matches!(waited, Waited::TimedOut) { 2 } else { 1 };
        // Less the clock's step, at both ends.
        assert!(began.elapsed() + Duration::from_millis(4) >= limit * times, "{:?}", began.elapsed());
        waited
    };
    let some = join_all((0..40).map(|number| wait(number % 4 * 30)));
    // One whose time is over before the alarm's.
    let inside = leading(wait(40));
    let all = tokio::time::timeout(Duration::from_secs(20), join(some, inside)).await;
    let (some, inside) = all.expect("each ends");
    assert!(matches!(inside, Waited::LoadYourself(_)));
    let beside = some.iter().filter(|waited| matches!(waited, Waited::LoadYourself(_))).count();
    let alone = some.iter().filter(|waited| matches!(waited, Waited::TimedOut)).count();
    // 16 at once: the leader, the one inside, and these.
    assert_eq!((beside, alone), (14, 26));
    drop(leader);
}

#[tokio::test]
async fn crossed_nested_loads_end() {
    let (flights, clock) = (Flights::new(), Clock::system());
    let nested = async |outer: &str, inner: &str| {
        call(
            &flights,
            &clock,
            outer,
            |()| None,
            async || {
                sleep(10).await;
                call(&flights, &clock, inner, |()| None, load_seven).await.map_err(drop)
            },
        )
        .await
    };
    let began = Instant::now();
    assert_eq!(tokio::join!(nested("a", "b"), nested("b", "a")), (Ok(7), Ok(7)));
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(flights.len(), 0);
}

#[tokio::test]
async fn a_load_that_waits_for_its_own_key_ends() {
    fn recurse<'a>(
        flights: &'a Flights,
        clock: &'a Clock,
        left: u32,
    ) -> Pin<Box<dyn Future<Output = u64> + 'a>> {
        Box::pin(async move {
            let body = async || {
                if left > 0 { Ok::<_, ()>(recurse(flights, clock, left - 1).await) } else { Ok(7) }
            };
            call(flights, clock, "key", |()| None, body).await.unwrap_or_default()
        })
    }
    let (flights, clock) = (Flights::new(), Clock::system());
    let began = Instant::now();
    assert_eq!(recurse(&flights, &clock, 40).await, 7);
    // 100 ms, and half as long at each level until the places are taken; twice as long after that.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(flights.len(), 0);
}

#[test]
fn an_invalidated_flight_is_neither_joined_nor_promoted() {
    let flights = Flights::new();
    for invalidate in [
        (|flights| flights.invalidate(0, "key")) as fn(&Flights),
        |flights| flights.invalidate_matching(0, "ke"),
        |flights| flights.invalidate_matching(0, ""),
    ] {
        for sealed in [false, true] {
            let Entered::Lead(old) = flights.enter::<u64>(0, "key", None) else { panic!("the key is cold") };
            let Entered::Wait(_waiter) = flights.enter::<u64>(0, "key", None) else { panic!("it is led") };
            if sealed {
                old.seal();
            }
            invalidate(&flights);
            assert!(!old.is_valid() && old.promote_if_valid(|| ()).is_none());
            let Entered::Lead(new) = flights.enter::<u64>(0, "key", None) else {
                panic!("the old one is cut off")
            };
            old.seal();
            assert!(
                matches!(flights.enter::<u64>(0, "key", None), Entered::Wait(_)),
                "the old one seals itself only"
            );
            old.finish(&1);
            assert!(new.promote_if_valid(|| ()).is_some());
        }
    }
    assert_eq!(flights.len(), 0);
}

#[test]
fn an_invalidation_leaves_other_keys_and_namespaces_alone() {
    let flights = Flights::new();
    let lead = |namespace, key| match flights.enter::<u64>(namespace, key, None) {
        Entered::Lead(leader) => leader,
        Entered::Wait(_) => panic!("the key is cold"),
    };
    let others = [lead(0, "other"), lead(0, "ke"), lead(1, "key")];
    flights.invalidate(0, "key");
    flights.invalidate_matching(0, "key");
    flights.invalidate_matching(2, "");
    assert!(others.iter().all(Leader::is_valid));
    assert_eq!(flights.len(), 3);
}

#[test]
fn flights_of_two_types_under_one_key_are_two_and_fall_together() {
    let flights = Flights::new();
    let (Entered::Lead(number), Entered::Lead(text)) =
        (flights.enter::<u64>(0, "key", None), flights.enter::<String>(0, "key", None))
    else {
        panic!("each is the first of its type")
    };
    flights.invalidate(0, "key");
    assert!(!number.is_valid() && !text.is_valid());
    assert_eq!(flights.len(), 0);
}

#[test]
fn an_unconfirmed_value_reaches_only_those_who_joined_before_the_load() {
    let (flights, clock) = (Flights::new(), ManualClock::new().clock());
    let join = || match flights.enter::<u64>(0, "key", None) {
        Entered::Wait(waiter) => Box::pin(waiter.wait(LIMITS, &clock)),
        Entered::Lead(_) => panic!("the key is led"),
    };
    let Entered::Lead(mut leader) = flights.enter::<u64>(0, "key", None) else { panic!("the key is cold") };
    let mut early = join();
    assert!(poll_once(early.as_mut()).is_pending());
    leader.begin();
    let mut late = join();
    assert!(poll_once(late.as_mut()).is_pending());
    leader.finish_for_earlier(&1);
    assert!(matches!(poll_once(early.as_mut()), Poll::Ready(Waited::Value(1))));
    let Poll::Ready(Waited::Lead(leader)) = poll_once(late.as_mut()) else { panic!("one leads anew") };
    let mut later = join();
    leader.finish(&2);
    assert!(matches!(poll_once(later.as_mut()), Poll::Ready(Waited::Value(2))));
    assert_eq!(flights.len(), 0);
}

/// Three callers, each dropped at each of its polls, in every combination: whoever is left gets a value.
#[tokio::test]
async fn dropping_futures_at_any_await_hangs_nobody() {
    const NEVER: usize = 6;
    for drops in 0..(NEVER + 1).pow(3) {
        let (flights, clock) = (Flights::new(), ManualClock::new().clock());
        let drop_at = [drops % (NEVER + 1), drops / (NEVER + 1) % (NEVER + 1), drops / (NEVER + 1).pow(2)];
        let body = async || {
            for _ in 0..2 {
                tokio::task::yield_now().await;
            }
            Ok::<_, ()>(7)
        };
        let caller = |at: usize| {
            let mut future = Some(Box::pin(call(&flights, &clock, "key", |()| None, body)));
            let mut polls = 0;
            poll_fn(move |context| {
                if polls == at && at < NEVER {
                    future = None;
                }
                polls += 1;
                match &mut future {
                    Some(future) => future.as_mut().poll(context).map(Some),
                    None => Poll::Ready(None),
                }
            })
        };
        let all = async { tokio::join!(caller(drop_at[0]), caller(drop_at[1]), caller(drop_at[2])) };
        let (a, b, c) = tokio::time::timeout(Duration::from_secs(5), all).await.expect("nobody hangs");
        for result in [a, b, c].into_iter().flatten() {
            assert_eq!(result, Ok(7), "{drop_at:?}");
        }
        assert_eq!(flights.len(), 0, "{drop_at:?}");
    }
}
