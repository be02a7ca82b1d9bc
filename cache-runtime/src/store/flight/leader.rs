//! The one who loads.

use super::super::sync::{Arc, lock};
use super::Flight;
use super::state::{Outcome, SharedError};

/// The right and the duty to load. Dropped without an answer (the caller's future was dropped, or the load
/// panicked), it passes to a waiter.
pub(crate) struct Leader<T> {
    flight: Arc<Flight<T>>,
    /// Who joined below this ticket did so before the load began.
    began: u64,
    sole: bool,
    left: bool,
}

impl<T> Leader<T> {
    pub(super) const fn new(flight: Arc<Flight<T>>, began: u64, sole: bool) -> Self {
        Self { flight, began, sole, left: false }
    }

    /// Says that the load begins now: whoever has joined by now may have its value, come what may. Until it is
    /// called, the load counts as begun when the caller became the leader.
    pub(crate) fn begin(&mut self) {
        self.began = lock(&self.flight.state).joined();
    }

    /// Closes the flight to joiners: who comes now leads another.
    pub(crate) fn seal(&self) {
        self.flight.seal();
    }

    /// Whether no invalidation of the key has come since the flight began.
    pub(crate) fn is_valid(&self) -> bool {
        lock(&self.flight.state).valid
    }

    /// Whether nobody else of the flight loads. After a failure, or an overdue load, several do: they neither
    /// take a lease nor fill, they only finish or fail.
    pub(crate) const fn is_sole(&self) -> bool {
        self.sole
    }

    /// Runs `promote` if the flight is valid and not outdated; an invalidation, or a change that is heard of, comes
    /// before it or after it, not during it.
    ///
    /// It runs under the flight's lock: it must be quick and must not come back to the flights, so let it
    /// return whatever it removed, to be dropped outside.
    pub(crate) fn promote_if_valid<R>(&self, promote: impl FnOnce() -> R) -> Option<R> {
        let state = lock(&self.flight.state);
        (state.valid && !state.outdated).then(promote)
    }
}

impl<T: Clone> Leader<T> {
    /// Ends the flight: everyone who waits gets a clone. Without waiters the value is not even cloned.
    ///
    /// For a value that is good for the last who joined too: the fill succeeded under the lease, after the
    /// seal; or whoever changes the key invalidates the flight before the change returns.
    pub(crate) fn finish(self, value: &T) {
        self.flight.seal();
        self.answer(u64::MAX, || Outcome::Value(value.clone()));
    }

    /// Gives the value to those only who joined before the load [began](Self::begin); of the others one leads
    /// anew.
    ///
    /// For a value that may have changed while it was loaded, unnoticed: the fill lost its lease, or somebody
    /// was writing.
    pub(crate) fn finish_for_earlier(self, value: &T) {
        let began = self.began;
        self.answer(began, || Outcome::Value(value.clone()));
    }
}

impl<T: Clone> Leader<T> {
    /// Ends the load with a failure: every waiter gets it or, if it cannot be shared, loads for itself, a few
    /// at a time, until one of them finishes.
    pub(crate) fn fail(mut self, shared: Option<SharedError>) {
        if let Some(error) = shared {
            self.flight.seal();
            self.answer(u64::MAX, || Outcome::Failed(error));
        } else {
            self.left = true;
            self.flight.change(|state| state.abandon(true)).into_values().for_each(std::task::Waker::wake);
        }
    }

    /// Leaves with an outcome, which is made outside the locks, and only if somebody waits. If making it panics,
    /// the flight is abandoned.
    fn answer(mut self, below: u64, outcome: impl FnOnce() -> Outcome<T>) {
        // Once sealed (or for those before the bound) nobody can come for whom it would be missing.
        if below > 0 && lock(&self.flight.state).has_waiters() {
            let outcome = outcome();
            if below == u64::MAX {
                // Whoever comes second has nobody left to answer.
                drop(self.flight.ended.set(outcome.clone()));
            }
            self.left = true;
            let (woken, unused) = self.flight.change(|state| state.answer(below, outcome));
            drop(unused);
            woken.into_values().for_each(std::task::Waker::wake);
        }
    }
}

impl<T> Drop for Leader<T> {
    fn drop(&mut self) {
        if !self.left {
            self.flight.change(|state| state.abandon(false)).into_values().for_each(std::task::Waker::wake);
        }
    }
}
