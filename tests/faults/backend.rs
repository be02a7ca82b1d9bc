//! Memory that fails as it is told, and calls that are polled beside a clock that is moved by hand.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use cache_runtime::LocalKvNamespace;
use cache_runtime::testing::{FaultyBackend, ManualClock};

/// Memory with faults. Clones share both.
pub(crate) type Faulty = FaultyBackend<LocalKvNamespace>;

/// Is pending `times` times and wakes itself each time.
pub(crate) async fn pend(times: usize) {
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Awaits `call` and moves the clock a step of the service's timeout whenever nothing goes on. Returns the answer and
/// for how long it was waited.
pub(crate) async fn answer<T>(time: &ManualClock, call: impl Future<Output = T>) -> (T, Duration) {
    let mut call = pin!(call);
    for steps in 0..10 {
        for _ in 0..40 {
            let polled = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
            if let Poll::Ready(answer) = polled {
                return (answer, TIMEOUT * steps);
            }
            tokio::task::yield_now().await;
        }
        time.advance(TIMEOUT);
    }
    panic!("the call hangs");
}

/// The timeout of a service that was given none.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);
