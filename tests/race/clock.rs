//! Time for the scenarios: it stands still until one of them moves it.

use std::task::{Context, Poll, Waker};
use std::time::Duration;

use shuttle::rand::Rng;
use shuttle::sync::{Arc, Mutex};

/// Stands in for the runtime's clock.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<Mutex<Time>>);

#[derive(Default)]
struct Time {
    now: Duration,
    finished: bool,
    sleepers: Vec<Waker>,
    bells: Vec<(Duration, Waker)>,
}

impl Clock {
    pub(crate) fn limit(&self, length: Duration) -> Limit<'_> {
        Limit { clock: self, deadline: self.0.lock().unwrap().now + length }
    }

    pub(crate) fn coarse_millis(&self) -> u64 {
        millis(self.0.lock().unwrap().now)
    }

    /// Sometimes there is none, as on the clock of a test.
    pub(crate) fn bell(&self, length: Duration, waker: impl FnOnce() -> Waker) -> Option<Bell> {
        if shuttle::rand::thread_rng().gen_bool(0.5) {
            return None;
        }
        let waker = waker();
        let mut time = self.0.lock().unwrap();
        let deadline = time.now + length;
        time.bells.push((deadline, waker));
        Some(Bell { due: millis(deadline) })
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
        let mut sleepers = std::mem::take(&mut time.sleepers);
        let now = time.now;
        let (over, bells) = std::mem::take(&mut time.bells).into_iter().partition(|(due, _)| *due <= now);
        time.bells = bells;
        drop(time);
        let over: Vec<(Duration, Waker)> = over;
        sleepers.extend(over.into_iter().map(|(_, waker)| waker));
        sleepers.into_iter().for_each(Waker::wake);
    }
}

pub(crate) fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap()
}

/// That it was dropped makes no difference: it knows its flight weakly.
pub(crate) struct Bell {
    due: u64,
}

impl Bell {
    pub(crate) const fn rings_by(&self, due: u64) -> bool {
        self.due <= due
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
