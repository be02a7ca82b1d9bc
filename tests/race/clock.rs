//! Time for the scenarios: it stands still until one of them moves it.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use shuttle::sync::{Arc, Mutex};

/// Stands in for the runtime's clock.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Time>>);

#[derive(Default)]
struct Time {
    now: Duration,
    finished: bool,
    sleepers: Vec<Waker>,
}

impl Clock {
    pub(crate) fn limit(&self, length: Duration) -> Limit<'_> {
        Limit { clock: self, deadline: self.0.lock().unwrap().now + length }
    }

    /// Whether a thread that moves the time may stop.
    pub(crate) fn is_finished(&self) -> bool {
        self.0.lock().unwrap().finished
    }

    pub(crate) fn finish(&self) {
        self.0.lock().unwrap().finished = true;
    }

    pub(crate) fn advance(&self, length: Duration) {
        let mut time = self.0.lock().unwrap();
        time.now += length;
        let sleepers = std::mem::take(&mut time.sleepers);
        drop(time);
        sleepers.into_iter().for_each(Waker::wake);
    }
}

/// A time that ends if a scenario lets it.
pub(crate) struct Limit<'c> {
    clock: &'c Clock,
    deadline: Duration,
}

impl Limit<'_> {
    pub(crate) fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut time = self.clock.0.lock().unwrap();
        if time.now >= self.deadline {
            return Poll::Ready(());
        }
        time.sleepers.push(context.waker().clone());
        Poll::Pending
    }
}
