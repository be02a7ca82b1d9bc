//! What is pushed to a process, and whether it still can hear it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::monotonic_millis;

/// How far the clock that is read may lag the true one, in milliseconds.
const CLOCK_STEP: u64 = 10;

/// Whether a process hears what [`Backend::watch`](crate::Backend::watch) promised to tell: the backend says when it
/// has last made sure, and whoever holds copies asks before it serves one.
///
/// It goes by a clock that goes on while the process is stopped. So one that wakes up does not serve what changed
/// while it was asleep.
#[derive(Debug)]
pub struct Pushes {
    bound: u64,
    /// Until when copies may be served, by [`monotonic_millis`].
    until: AtomicU64,
    refused: AtomicBool,
}

impl Pushes {
    /// Nothing has been heard yet; after `bound` of silence, copies are not served.
    #[must_use]
    pub fn new(bound: Duration) -> Self {
        let bound = u64::try_from(bound.as_millis()).unwrap_or(u64::MAX);
        Self { bound, until: AtomicU64::new(0), refused: AtomicBool::new(false) }
    }

    /// The moment, for [`heard`](Self::heard).
    #[must_use]
    pub fn now() -> u64 {
        monotonic_millis()
    }

    /// Whatever changed before the moment `since` has been told. It is the moment before the question was asked
    /// whose answer says so, not that of the answer, which may have been long on its way.
    pub fn heard(&self, since: u64) {
        let until = since.saturating_add(self.bound.saturating_sub(CLOCK_STEP));
        self.refused.store(false, Ordering::Relaxed);
        // What was told is done before a reader sees this.
        self.until.store(until, Ordering::Release);
    }

    /// What changes from now on may not be told.
    pub fn lost(&self) {
        self.until.store(0, Ordering::Release);
    }

    /// The engine does not push here, against its promise, and a try again will not help soon.
    pub fn refused(&self) {
        self.lost();
        self.refused.store(true, Ordering::Relaxed);
    }

    /// Whether copies may be served.
    #[inline]
    #[must_use]
    pub fn are_heard(&self) -> bool {
        monotonic_millis() < self.until.load(Ordering::Acquire)
    }

    /// Whether the engine does not push at all.
    #[must_use]
    pub fn are_refused(&self) -> bool {
        self.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Pushes;

    #[test]
    fn copies_are_served_until_the_bound_after_the_last_question_that_was_answered() {
        let pushes = Pushes::new(Duration::from_secs(3_600));
        assert!(!pushes.are_heard());
        pushes.heard(Pushes::now());
        assert!(pushes.are_heard());
        pushes.lost();
        assert!(!pushes.are_heard());
    }

    #[test]
    fn an_answer_that_was_on_its_way_for_longer_than_the_bound_shows_nothing() {
        let pushes = Pushes::new(Duration::from_millis(400));
        pushes.heard(Pushes::now().saturating_sub(400));
        assert!(!pushes.are_heard());
    }

    #[test]
    fn what_is_heard_after_a_refusal_takes_the_refusal_back() {
        let pushes = Pushes::new(Duration::from_secs(3_600));
        pushes.refused();
        assert!(pushes.are_refused() && !pushes.are_heard());
        pushes.heard(Pushes::now());
        assert!(!pushes.are_refused() && pushes.are_heard());
    }
}
