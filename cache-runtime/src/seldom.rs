//! What may be said again only after a while, such as that a backend fails.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::millis;

/// The shortest time between two warnings of one thing.
const EVERY_MILLIS: u64 = 10_000;

/// When the last one was; zero means never.
pub(crate) struct Seldom(AtomicU64);

impl Seldom {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Whether it may be said now; then it has been.
    pub(crate) fn may(&self, now: Duration) -> bool {
        let now = millis(now) + 1;
        let last = self.0.load(Ordering::Relaxed);
        (last == 0 || now.saturating_sub(last) >= EVERY_MILLIS)
            && self.0.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}
