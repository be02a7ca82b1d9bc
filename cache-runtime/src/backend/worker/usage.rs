//! What a namespace was asked for, in the units that Cloudflare counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many operations of KV there were, as Cloudflare counts and bills them: see
/// [`WorkerBackend::usage`](super::WorkerBackend::usage).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvUsage {
    /// Keys read; each of a bulk read counts.
    pub reads: u64,
    /// Values stored.
    pub writes: u64,
    /// Keys deleted.
    pub deletes: u64,
    /// Pages listed.
    pub lists: u64,
}

/// Counts them.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) reads: AtomicU64,
    pub(super) writes: AtomicU64,
    pub(super) deletes: AtomicU64,
    pub(super) lists: AtomicU64,
}

impl Counters {
    pub(super) fn usage(&self) -> KvUsage {
        let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Self { reads, writes, deletes, lists } = self;
        KvUsage { reads: now(reads), writes: now(writes), deletes: now(deletes), lists: now(lists) }
    }
}

/// Counts some more.
pub(super) fn count(counter: &AtomicU64, more: usize) {
    counter.fetch_add(more as u64, Ordering::Relaxed);
}
