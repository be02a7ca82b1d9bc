//! A number of each thread, to choose by it among what is there several times, so that few threads wait for each other.

use std::sync::atomic::{AtomicUsize, Ordering};

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
}

/// This thread's; they are given out one after the other.
#[inline]
pub(crate) fn number() -> usize {
    NUMBER.try_with(|number| *number).unwrap_or_default()
}

/// Alone in its cache line, and in the one that the processor fetches with it.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct Apart<T>(pub(crate) T);
