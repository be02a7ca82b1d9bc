//! What differs between executors: finishing what nobody awaits, and giving up after a time.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::Clock;
use crate::error::BackendError;
use crate::unique::unique;

/// How many lost tries in a row are only chance.
const LOST_BY_CHANCE: usize = 8;
/// The longest pause before the next: a hundred tries take a second or two.
const LONGEST_PAUSE_MS: u64 = 32;

/// What goes on in the background: of one type, since a task of each would be as much to compile as all else in it.
type Background = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs a future to its end without awaiting it: at once if it is ready at once (as in memory), else in the
/// background, if the executor can.
pub(crate) fn settle(future: impl Future<Output = ()> + Send + 'static) {
    let mut future: Background = Box::pin(future);
    if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
        spawn(future);
    }
}

/// Awaits a future that is to run to its end: what is left of it when this is dropped goes on in the background, if the
/// executor can.
pub(crate) async fn to_the_end(future: impl Future<Output = ()> + Send + 'static) {
    struct Rest(Option<Background>);

    impl Drop for Rest {
        fn drop(&mut self) {
            if let Some(rest) = self.0.take() {
                settle(rest);
            }
        }
    }

    let mut rest = Rest(Some(Box::pin(future)));
    poll_fn(|context| {
        // Taken out: one that panics is not polled again.
        let Some(mut future) = rest.0.take() else { return Poll::Ready(()) };
        let polled = future.as_mut().poll(context);
        if polled.is_pending() {
            rest.0 = Some(future);
        }
        polled
    })
    .await;
}

/// Whether [`spawn`] can.
pub(crate) fn can_spawn() -> bool {
    #[cfg(not(target_family = "wasm"))]
    return tokio::runtime::Handle::try_current().is_ok();
    #[cfg(target_family = "wasm")]
    return false;
}

/// Whether sleeps on this clock end.
pub(crate) fn keeps_time(clock: &Clock) -> bool {
    !cfg!(target_family = "wasm") && (clock.is_manual() || can_spawn())
}

/// Runs a future in the background; drops it where there is no runtime.
pub(crate) fn spawn(future: Background) {
    #[cfg(not(target_family = "wasm"))]
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(future);
    }
    #[cfg(target_family = "wasm")]
    drop(future);
}

/// Awaits `future` for at most `limit`, and drops it then. Without a runtime to keep the time of the system's clock,
/// there is no limit.
pub(crate) async fn at_most<T>(clock: &Clock, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let first = poll_fn(|context| Poll::Ready(future.as_mut().poll(context))).await;
    if let Poll::Ready(result) = first {
        return Some(result);
    }
    let mut timer = pin!(async {
        if clock.is_manual() || can_spawn() {
            clock.sleep(limit).await;
        } else {
            std::future::pending::<()>().await;
        }
    });
    poll_fn(|context| {
        if let Poll::Ready(result) = future.as_mut().poll(context) {
            return Poll::Ready(Some(result));
        }
        timer.as_mut().poll(context).map(|()| None)
    })
    .await
}

/// Stands before each try of a change that was `lost` so often to others of the same. After some losses it waits a few
/// milliseconds, by chance, or two might keep step for ever; where no time passes by itself (by a test's clock, on
/// wasm32), it only lets other tasks run.
pub(crate) async fn step_aside(clock: &Clock, lost: usize) {
    if lost < LOST_BY_CHANCE {
        return;
    }
    if clock.is_manual() || cfg!(target_family = "wasm") {
        let mut yielded = false;
        return poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
    let longest = u64::try_from(lost).unwrap_or(LONGEST_PAUSE_MS).min(LONGEST_PAUSE_MS);
    let mut pause = clock.limit(Duration::from_millis(unique() % longest));
    poll_fn(|context| pause.poll(context)).await;
}

/// Awaits `body`; until it ends, makes a `step` each `interval` and awaits it beside the body. Without a runtime to keep
/// the time, and on wasm32, there is no step. Starts no timer for a body that is ready at once.
pub(crate) async fn attended<T, S: Future<Output = ()> + Send>(
    clock: &Clock,
    interval: Duration,
    mut body: Pin<&mut impl Future<Output = T>>,
    mut step: impl FnMut() -> S + Send,
) -> T {
    let mut steps = None;
    let mut started = Some(async move {
        while keeps_time(clock) {
            clock.sleep(interval).await;
            step().await;
        }
    });
    poll_fn(move |context| {
        if let Poll::Ready(result) = body.as_mut().poll(context) {
            return Poll::Ready(result);
        }
        // Made when it is needed, and apart from the author's future.
        if let Some(started) = started.take() {
            steps = Some(Box::pin(started));
        }
        let ended = steps.as_mut().is_some_and(|steps| steps.as_mut().poll(context).is_ready());
        if ended {
            steps = None;
        }
        Poll::Pending
    })
    .await
}

/// Awaits `operation` for at most `limit`. Starts no timer for an operation that is ready at once.
pub(crate) fn within<T>(
    clock: &Clock,
    limit: Duration,
    operation: impl Future<Output = Result<T, BackendError>> + Unpin,
) -> impl Future<Output = Result<T, BackendError>> {
    limited(clock, limit, operation, move || Err(BackendError::Timeout(limit)))
}

/// The same of whatever can say that its time is over.
pub(crate) fn limited<T>(
    clock: &Clock,
    limit: Duration,
    mut operation: impl Future<Output = T> + Unpin,
    over: impl Fn() -> T,
) -> impl Future<Output = T> {
    let mut timer = None;
    // No `async` block, which would have room for the operation twice: this is a part of each cached call.
    poll_fn(move |context| {
        if let Poll::Ready(result) = Pin::new(&mut operation).poll(context) {
            return Poll::Ready(result);
        }
        let timer = timer.get_or_insert_with(|| clock.limit(limit));
        timer.poll(context).map(|()| over())
    })
}

#[cfg(test)]
mod tests {
    use super::{LOST_BY_CHANCE, step_aside};
    use crate::clock::{Clock, ManualClock};

    #[test]
    fn to_step_aside_needs_no_timer_and_no_clock_that_moves() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("it starts");
        let before = Clock::system().now();
        runtime.block_on(step_aside(&Clock::system(), LOST_BY_CHANCE - 1));
        runtime.block_on(step_aside(&ManualClock::new().clock(), LOST_BY_CHANCE));
        runtime.block_on(step_aside(&Clock::system(), LOST_BY_CHANCE));
        assert!(Clock::system().now().saturating_sub(before) >= std::time::Duration::from_millis(1));
    }
}
