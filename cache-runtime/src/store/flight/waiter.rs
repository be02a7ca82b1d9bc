//! The many who wait.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;

use super::super::sync::{Arc, Weak, lock};
use super::leader::Leader;
use super::state::{Outcome, SharedError, State, Told};
use super::{Flight, WaitLimits};
use crate::clock::{Clock, Limit, millis};

/// A place in a flight that somebody else leads.
pub(crate) struct Waiter<T> {
    flight: Arc<Flight<T>>,
    ticket: u64,
    left: bool,
}

/// See [`Waiter::wait`]. All who wait have one, so it is small, and no `async fn`.
pub(crate) struct Waiting<'c, T> {
    waiter: Waiter<T>,
    clock: &'c Clock,
    limit: Duration,
    /// When it is overdue for the first time, in milliseconds of the clock.
    due: u64,
    /// Where the flight's bell is not enough.
    timer: Option<Box<Limit<'c>>>,
    /// It has been told so once, and waits for the second time.
    is_overdue: bool,
}

impl<T: Clone + Send + Sync + 'static> Future for Waiting<'_, T> {
    type Output = Waited<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Waited<T>> {
        let this = &mut *self;
        loop {
            let (clock, limit, due) = (this.clock, this.limit, this.due);
            let mut is_kept = this.timer.is_some();
            let told = this.waiter.ask(context.waker(), |state, flight| {
                let ring = || Waker::from(std::sync::Arc::new(Ring(Arc::downgrade(flight))));
                let bell = || clock.bell(limit, ring);
                is_kept = is_kept || state.keeps_time(due, bell);
            });
            if let Some(told) = told {
                return Poll::Ready(this.waiter.leave(told));
            }
            if !is_kept {
                let left = due.saturating_sub(clock.coarse_millis());
                this.timer = Some(Box::new(clock.limit(Duration::from_millis(left))));
            }
            let Some(timer) = &mut this.timer else { return Poll::Pending };
            ready!(timer.poll(context));
            if let Some(told) = this.waiter.ask_overdue() {
                return Poll::Ready(this.waiter.leave(told));
            }
            if std::mem::replace(&mut this.is_overdue, true) {
                return Poll::Ready(Waited::TimedOut);
            }
            this.timer = Some(Box::new(clock.limit(limit)));
        }
    }
}

/// Wakes those who wait in a flight.
struct Ring<T>(Weak<Flight<T>>);

impl<T: Send + Sync + 'static> Wake for Ring<T> {
    fn wake(self: std::sync::Arc<Self>) {
        if let Some(flight) = self.0.upgrade() {
            let woken = lock(&flight.state).ring();
            woken.into_values().for_each(Waker::wake);
        }
    }
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
    pub(crate) fn wait(self, limits: WaitLimits, clock: &Clock) -> Waiting<'_, T> {
        let limit = limits.here();
        let due = clock.coarse_millis().saturating_add(millis(limit));
        Waiting { waiter: self, clock, limit, due, timer: None, is_overdue: false }
    }

    /// Asks what there is to tell; who is told nothing is parked. Then `keeps_time` is asked, with the state still locked.
    fn ask(
        &mut self,
        waker: &Waker,
        keeps_time: impl FnOnce(&mut State<T>, &Arc<Flight<T>>),
    ) -> Option<Told<T>> {
        if let Some(outcome) = self.flight.ended.get() {
            self.left = true;
            return Some(Told::Outcome(outcome.clone()));
        }
        let ticket = self.ticket;
        // Who is told something, as all are at last, needs no clone of its waker; that is made outside of the lock.
        let told = self.change(|state, _| state.ask(ticket));
        if told.is_some() {
            return told;
        }
        let waker = waker.clone();
        self.change(|state, flight| {
            let (told, dropped) = state.ask_or_park(ticket, waker);
            if told.is_none() {
                keeps_time(state, flight);
            }
            (told, dropped)
        })
    }

    /// The same as one who is overdue.
    fn ask_overdue(&mut self) -> Option<Told<T>> {
        let ticket = self.ticket;
        self.change(|state, _| state.ask_overdue(ticket))
    }

    /// What comes beside what is told is dropped outside of the lock.
    fn change<D>(
        &mut self,
        ask: impl FnOnce(&mut State<T>, &Arc<Flight<T>>) -> (Option<Told<T>>, D),
    ) -> Option<Told<T>> {
        let mut state = lock(&self.flight.state);
        let (told, dropped) = ask(&mut state, &self.flight);
        let deserted = state.is_deserted();
        drop(state);
        drop(dropped);
        self.left = told.is_some();
        if deserted {
            // The last of those for whom alone there was an answer unlists the flight.
            self.flight.change(|_| ());
        }
        told
    }

    fn leave(&self, told: Told<T>) -> Waited<T> {
        match told {
            Told::Outcome(Outcome::Value(value)) => Waited::Value(value),
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
            woken.into_values().for_each(Waker::wake);
        }
    }
}
