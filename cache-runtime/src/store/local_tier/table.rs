//! The table of the local tier: shards, each with a lock of its own.

use std::num::NonZeroUsize;
use std::sync::OnceLock;

use foldhash::quality::RandomState;

use super::record::{Name, Record};
use super::shard::{Removed, Shard};
use crate::store::sync::{RwLock, read, write};

/// How many shards there are for each processor.
const SHARDS: usize = 4;

/// How many entries a shard is to have room for at least.
const LEAST: usize = 32;

pub(super) struct Table {
    /// As many as a power of two.
    shards: Box<[RwLock<Shard>]>,
}

impl Table {
    /// With room for so many entries, by the hashes that `hasher` makes of their names.
    pub(super) fn of_entries(entries: usize, hasher: &RandomState) -> Self {
        let shards = shards(entries);
        let each = entries.div_ceil(shards);
        Self::new(shards, || Shard::new(each as u64, each, hasher.clone()))
    }

    /// The same for so many bytes, in about as many entries as `expected`.
    pub(super) fn of_bytes(bytes: u64, expected: usize, hasher: &RandomState) -> Self {
        let shards = shards(expected);
        Self::new(shards, || Shard::new(bytes.div_ceil(shards as u64), 0, hasher.clone()))
    }

    fn new(shards: usize, shard: impl Fn() -> Shard) -> Self {
        Self { shards: (0..shards).map(|_| RwLock::new(shard())).collect() }
    }

    #[inline]
    fn shard(&self, hash: u64) -> &RwLock<Shard> {
        // Inside of a shard the lower half of the hash is what counts.
        &self.shards[(hash >> 32) as usize & (self.shards.len() - 1)]
    }

    /// Shows `look` an entry and its weight, under the lock.
    #[inline]
    pub(super) fn get<R>(
        &self,
        hash: u64,
        name: Name<'_>,
        look: impl FnOnce(&Record, u32) -> Option<R>,
    ) -> Option<R> {
        let shard = read(self.shard(hash));
        let (record, weight) = shard.get(hash, name)?;
        look(record, weight)
    }

    pub(super) fn insert(&self, hash: u64, record: Record, weight: u32) -> Removed {
        write(self.shard(hash)).insert(hash, record, weight)
    }

    pub(super) fn remove(&self, hash: u64, name: Name<'_>) -> Option<Record> {
        write(self.shard(hash)).remove(hash, name)
    }

    /// Shows `look` every entry, each under its lock.
    pub(super) fn each(&self, mut look: impl FnMut(&Record)) {
        self.shards.iter().for_each(|shard| read(shard).records().for_each(&mut look));
    }

    /// The sum over the shards.
    #[cfg(test)]
    pub(super) fn sum<N: std::iter::Sum>(&self, of: impl Fn(&Shard) -> N) -> N {
        self.shards.iter().map(|shard| of(&read(shard))).sum()
    }
}

/// How many shards there are for so many entries.
fn shards(entries: usize) -> usize {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let most = (*PROCESSORS.get_or_init(processors) * SHARDS).next_power_of_two();
    let mut shards = most;
    while shards > 1 && entries.div_ceil(shards) < LEAST {
        shards /= 2;
    }
    shards
}
