//! A wait for a change of what others hold.

use std::future::poll_fn;
use std::sync::{Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Wakes all who wait for a change.
#[derive(Debug, Default)]
pub(crate) struct Signal(Mutex<Vec<Waker>>);

impl Signal {
    /// Waits until `is_so`, which is asked now and after each change.
    pub(crate) async fn wait_until(&self, mut is_so: impl FnMut() -> bool) {
        poll_fn(|context| {
            {
                // Before the question: a change after it is heard.
                let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if !waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                    waiting.push(context.waker().clone());
                }
            }
            if is_so() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Says that something has changed.
    pub(crate) fn changed(&self) {
        let waiting = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }
}
