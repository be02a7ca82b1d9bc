//! Caches of eight-byte values that count their loads: for hit ratios and memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::case::{Case, Gives, KeyOf};

/// A cache of numbers under numbers.
pub struct Numbers {
    pub name: &'static str,
    case: Case,
    loads: Loads,
}

/// Counts loads.
#[derive(Clone, Default)]
pub struct Loads(Arc<AtomicU64>);

impl Loads {
    /// The loader.
    pub fn load(&self, id: u64) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed);
        id
    }

    /// How many there were.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Numbers {
    /// One whose call is async.
    pub fn new(
        name: &'static str,
        loads: &Loads,
        call: impl AsyncFn(u64) -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { name, case: Case::new(name, KeyOf::U64, Gives::Clone, call), loads: loads.clone() }
    }

    /// One whose call is not.
    pub fn sync(
        name: &'static str,
        loads: &Loads,
        call: impl Fn(u64) -> u64 + Send + Sync + 'static,
    ) -> Self {
        Self { name, case: Case::sync(name, KeyOf::U64, Gives::Clone, call), loads: loads.clone() }
    }

    /// Asks for each id.
    pub fn run(&self, ids: &[u64]) {
        self.case.run(ids);
    }

    /// How many calls found nothing.
    pub fn loads(&self) -> u64 {
        self.loads.count()
    }
}
