//! Which tags have changed, as far as this process has heard: counted, each in a counter that it shares with some
//! others. There is no index from tags to what carries them: whatever does remembers how they were counted before it
//! was read, and is of no use any more when they count otherwise.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use foldhash::quality::RandomState;

use super::sync::{AtomicU64, GENERATIONS};

/// The counters.
pub(crate) struct TagCounts {
    counters: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// How some tags were counted at some time. As a rule it is one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    first: Count,
    more: Box<[Count]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count {
    counter: usize,
    count: u64,
}

impl Default for TagCounts {
    fn default() -> Self {
        Self {
            counters: (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::default(),
        }
    }
}

impl TagCounts {
    /// How the tags are counted now; `None` without any. Ask before what is to carry them is read.
    pub(crate) fn now<'t>(&self, tags: impl IntoIterator<Item = &'t str>) -> Option<Arc<Counted>> {
        let mut counts = tags.into_iter().map(|tag| {
            let counter = self.counter(tag);
            Count { counter, count: self.count(counter) }
        });
        let first = counts.next()?;
        Some(Arc::new(Counted { first, more: counts.collect() }))
    }

    /// Whether none of the tags has changed since.
    #[inline]
    pub(crate) fn is_current(&self, counted: &Counted) -> bool {
        let is_current = |count: &Count| self.count(count.counter) == count.count;
        is_current(&counted.first) && counted.more.iter().all(is_current)
    }

    /// A tag has changed.
    pub(crate) fn changed(&self, tag: &str) {
        if let Some(counter) = self.counters.get(self.counter(tag)) {
            counter.fetch_add(1, Ordering::Release);
        }
    }

    /// Any tag may have changed.
    pub(crate) fn all_changed(&self) {
        for counter in &self.counters {
            counter.fetch_add(1, Ordering::Release);
        }
    }

    fn counter(&self, tag: &str) -> usize {
        usize::try_from(self.hasher.hash_one(tag) % GENERATIONS as u64).unwrap_or_default()
    }

    #[inline]
    fn count(&self, counter: usize) -> u64 {
        self.counters.get(counter).map_or(0, |counter| counter.load(Ordering::Acquire))
    }
}
