//! How deep inside other loads the caller is, which shortens its waits.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use super::super::sync::thread_local;

thread_local! {
    /// How many loads are being polled on this thread, one inside the other.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// How long a waiter waits before it loads for itself.
///
/// Two loads that each wait for the other's key, or one that waits for its own, would wait for ever. Outside a
/// load nobody waits for the waiter, so it may be patient; inside one it may be such a circle, so it waits less,
/// and half as long for each further level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WaitLimits {
    /// Outside any load.
    pub(crate) outside: Duration,
    /// Inside a load that is not inside another.
    pub(crate) inside: Duration,
}

impl WaitLimits {
    /// The limit for a wait that begins here and now.
    pub(crate) fn here(self) -> Duration {
        match DEPTH.with(Cell::get) {
            0 => self.outside,
            depth => self.inside / (1_u32 << (depth - 1).min(16)),
        }
    }
}

/// Runs the body of a load, so that waits inside it are known to be inside.
///
/// It goes by the thread that polls the body. A task that the body spawns is not seen as inside; it then waits
/// as long as outside, which ends as well.
pub(crate) async fn leading<F: Future>(body: F) -> F::Output {
    let depth = DEPTH.with(Cell::get).saturating_add(1);
    let mut body = pin!(body);
    poll_fn(|context| {
        let _outer = Outer(DEPTH.with(|current| current.replace(depth)));
        body.as_mut().poll(context)
    })
    .await
}

/// Sets the depth back, also when the poll panics.
struct Outer(u32);

impl Drop for Outer {
    fn drop(&mut self) {
        DEPTH.with(|depth| depth.set(self.0));
    }
}
