//! Turns to send batches, of which there are few: whoever has put down what is to be sent counts on it that one who has a
//! turn looks for that, unless it gets a turn itself.

use std::sync::atomic::Ordering;

use super::sync::AtomicU64;

/// The turns that are taken.
pub(super) struct Turns {
    taken: AtomicU64,
    most: u64,
}

impl Turns {
    /// So many at most.
    pub(super) const fn new(most: u64) -> Self {
        Self { taken: AtomicU64::new(0), most }
    }

    /// Takes one, if there is one; to be asked after what is to be sent has been put down.
    pub(super) fn begin(&self) -> bool {
        let more = |taken: u64| (taken < self.most).then_some(taken + 1);
        self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    /// Takes one, if nobody has any.
    pub(super) fn begin_alone(&self) -> bool {
        self.taken.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Gives one back. Returns whether it is taken anew, since something `is_left`: who put it down may have counted on
    /// this one. In this order: what was put down before the turn is back is seen, and who does so after that gets one.
    pub(super) fn end(&self, is_left: impl FnOnce() -> bool) -> bool {
        self.give_back();
        is_left() && self.begin()
    }

    /// Gives one back, whatever is left.
    pub(super) fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::SeqCst);
    }
}
