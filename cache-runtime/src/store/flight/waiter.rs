//! The many who wait.

use std::future::poll_fn;
use std::task::{Poll, Waker};

use super::super::sync::{Arc, lock};
use super::leader::Leader;
use super::state::{Outcome, SharedError, Told};
use super::{Flight, WaitLimits};
use crate::clock::Clock;

/// A place in a flight that somebody else leads.
pub(crate) struct Waiter<T> {
    flight: Arc<Flight<T>>,
    ticket: u64,
    left: bool,
}

/// How a wait ended.
pub(crate) enum Waited<T> {
    /// The leader's value.
    Value(T),
    /// The leader's failure.
    Failed(SharedError),
    /// The leader went away: lead in its place.
    Lead(Leader<T>),
    /// The leader failed or is overdue: load, as one of a few at a time, without lease and fill. Finishing
    /// serves the others too.
    LoadYourself(Leader<T>),
    /// As many as may load do so, and none came to an end in time: load, alone.
    TimedOut,
}

impl<T: Clone> Waiter<T> {
    pub(super) const fn new(flight: Arc<Flight<T>>, ticket: u64) -> Self {
        Self { flight, ticket, left: false }
    }

    /// Waits for the leader; if that takes too long, for a place to load beside it; and no longer than for
    /// twice the limit.
    ///
    /// # Cancellation
    ///
    /// May be dropped at any time; a leadership that was on its way to it goes to the next.
    pub(crate) async fn wait(mut self, limits: WaitLimits, clock: &Clock) -> Waited<T> {
        let limit = limits.here();
        for _ in 0..2 {
            let mut timer = clock.limit(limit);
            let waited = poll_fn(|context| {
                if let Some(told) = self.ask(Some(context.waker())) {
                    return Poll::Ready(Some(told));
                }
                timer.poll(context).map(|()| self.ask(None))
            })
            .await;
            if let Some(told) = waited {
                return self.leave(told);
            }
        }
        Waited::TimedOut
    }

    /// Asks what there is to tell; without a waker, as one who is overdue.
    fn ask(&mut self, waker: Option<&Waker>) -> Option<Told<T>> {
        let waker = waker.cloned();
        let mut state = lock(&self.flight.state);
        let (told, before) = state.ask(self.ticket, waker);
        let deserted = state.is_deserted();
        drop(state);
        drop(before);
        self.left = told.is_some();
        if deserted {
            // The last of those for whom alone there was an answer unlists the flight.
            self.flight.change(|_| ());
        }
        told
    }

    fn leave(self, told: Told<T>) -> Waited<T> {
        match told {
            Told::Outcome(Outcome::Value(value)) => Waited::Value(T::clone(&value)),
            Told::Outcome(Outcome::Failed(error)) => Waited::Failed(error),
            Told::Lead { joined, sole } => {
                let leader = Leader::new(Arc::clone(&self.flight), joined, sole);
                if sole { Waited::Lead(leader) } else { Waited::LoadYourself(leader) }
            }
        }
    }
}

impl<T> Drop for Waiter<T> {
    fn drop(&mut self) {
        if !self.left {
            let (woken, _own) = self.flight.change(|state| state.desert(self.ticket));
            woken.into_iter().for_each(Waker::wake);
        }
    }
}
