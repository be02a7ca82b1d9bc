//! A shard of the local tier: entries up to a bound, and which of them leaves first.
//!
//! That is S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), with a shorter queue of
//! the new ones and a longer memory of use: measured under Zipf's law, these keep more.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU8, Ordering};

use foldhash::quality::RandomState;

use super::ghosts::Ghosts;
use super::index::Index;
use super::record::{Name, Record};

/// The part of the whole that entries have which were not asked for a second time yet: in percent.
const NEW: u64 = 3;

/// So many uses count: as often an entry is passed over before it leaves.
const USES: u8 = 7;

/// How many slots are allocated at once.
const CHUNK: usize = 64;

pub(super) struct Shard {
    index: Index,
    slots: Slots,
    /// Those who came last.
    new: Queue,
    /// Those who were asked for again while they were new, or soon after they had left.
    proven: Queue,
    ghosts: Ghosts,
    /// What [`taken_by`](Self::taken_by) bounds: bytes, or entries.
    capacity: u64,
    by_weight: bool,
    hasher: RandomState,
}

/// A place for an entry: a cache line. An entry that was removed leaves it when its turn comes in the queue.
#[repr(align(64))]
struct Slot {
    record: Option<Record>,
    weight: u32,
    uses: AtomicU8,
    is_new: bool,
}

#[cfg(target_pointer_width = "64")]
const _: () = assert!(size_of::<Slot>() == 64);

/// Slots never move, so that no growth takes as long as there are entries.
#[derive(Default)]
struct Slots {
    chunks: Vec<Vec<Slot>>,
    free: Vec<u32>,
}

#[derive(Default)]
struct Queue {
    slots: VecDeque<u32>,
    weight: u64,
    /// How many of the slots are of entries that were removed.
    vacant: usize,
}

/// What was put out, with its hash. Dropping it may run the drop code of values, so do that outside of locks.
#[derive(Default)]
pub(super) struct Removed {
    /// As a rule it is one.
    first: Option<(u64, Record)>,
    more: Vec<(u64, Record)>,
}

impl Removed {
    pub(super) const fn of(hash: u64, record: Record) -> Self {
        Self { first: Some((hash, record)), more: Vec::new() }
    }

    fn push(&mut self, hash: u64, record: Record) {
        if self.first.is_none() {
            self.first = Some((hash, record));
        } else {
            self.more.push((hash, record));
        }
    }

    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.first.iter().chain(&self.more).map(|(hash, _)| *hash)
    }
}

impl Shard {
    /// `expected` is how many entries there will be at most, where their number is bounded; 0 where their weight is.
    pub(super) fn new(capacity: u64, expected: usize, hasher: RandomState) -> Self {
        Self {
            index: Index::new(expected),
            slots: Slots::default(),
            new: Queue::default(),
            proven: Queue::default(),
            ghosts: Ghosts::default(),
            capacity,
            by_weight: expected == 0,
            hasher,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.index.len()
    }

    /// What its entries take of the capacity.
    pub(super) const fn weight(&self) -> u64 {
        self.new.weight + self.proven.weight
    }

    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.slots.chunks.iter().flatten().filter_map(|slot| slot.record.as_ref())
    }

    /// Finds an entry with its weight, and counts that it was used.
    #[inline]
    pub(super) fn get(&self, hash: u64, name: Name<'_>) -> Option<(&Record, u32)> {
        let slot = self.slots.get(self.find(hash, name)?)?;
        let uses = slot.uses.load(Ordering::Relaxed);
        // Of readers at the same time one may go uncounted. Nothing is written where it makes no difference.
        if uses < USES {
            slot.uses.store(uses + 1, Ordering::Relaxed);
        }
        slot.record.as_ref().map(|record| (record, slot.weight))
    }

    #[inline]
    fn find(&self, hash: u64, name: Name<'_>) -> Option<u32> {
        let is = |slot: &Slot| slot.record.as_ref().is_some_and(|record| record.name.name() == name);
        self.index.find(hash, |at| self.slots.get(at).is_some_and(is))
    }

    /// Puts an entry in, over the one of its name, and out what there is no room for.
    pub(super) fn insert(&mut self, hash: u64, record: Record, weight: u32) -> Removed {
        let mut removed = Removed::default();
        let taken = self.taken_by(weight);
        let found = self.find(hash, record.name.name());
        if taken > self.capacity {
            if let Some(before) = found.and_then(|at| self.vacate(hash, at)) {
                removed.push(hash, before);
            }
            removed.push(hash, record);
        } else if let Some(slot) = found.and_then(|at| self.slots.get_mut(at)) {
            let (before, is_new) = (std::mem::replace(&mut slot.weight, weight), slot.is_new);
            if let Some(before) = slot.record.replace(record) {
                removed.push(hash, before);
            }
            let before = self.taken_by(before);
            let queue = self.queue(is_new);
            queue.weight = queue.weight - before + taken;
            self.make_room(0, &mut removed);
        } else {
            let was_here = self.ghosts.take(hash);
            self.make_room(taken, &mut removed);
            let is_new = !was_here && self.proven.weight + taken > self.capacity - self.for_new();
            let slot = Slot { record: Some(record), weight, uses: AtomicU8::new(0), is_new };
            match self.slots.put(slot) {
                Ok(at) => {
                    self.index.insert(hash, at);
                    self.queue(is_new).push(at, taken);
                }
                Err(slot) => slot.record.into_iter().for_each(|record| removed.push(hash, record)),
            }
        }
        removed
    }

    pub(super) fn remove(&mut self, hash: u64, name: Name<'_>) -> Option<Record> {
        let at = self.find(hash, name)?;
        self.vacate(hash, at)
    }

    /// What an entry takes of the capacity.
    fn taken_by(&self, weight: u32) -> u64 {
        if self.by_weight { u64::from(weight) } else { 1 }
    }

    /// The part of the capacity that the new ones have once it is full.
    const fn for_new(&self) -> u64 {
        self.capacity / 100 * NEW + self.capacity % 100 * NEW / 100
    }

    const fn queue(&mut self, is_new: bool) -> &mut Queue {
        if is_new { &mut self.new } else { &mut self.proven }
    }

    /// Takes an entry out of its slot, which stays in its queue.
    fn vacate(&mut self, hash: u64, at: u32) -> Option<Record> {
        let slot = self.slots.get_mut(at)?;
        let record = slot.record.take()?;
        let (weight, is_new) = (slot.weight, slot.is_new);
        self.index.remove(hash, at);
        let taken = self.taken_by(weight);
        let queue = self.queue(is_new);
        queue.weight -= taken;
        queue.vacant += 1;
        if queue.vacant > CHUNK + queue.slots.len() / 8 {
            self.tidy(is_new);
        }
        Some(record)
    }

    /// Lets go of the slots of a queue whose entries were removed.
    fn tidy(&mut self, is_new: bool) {
        let Self { new, proven, slots, .. } = self;
        let queue = if is_new { new } else { proven };
        queue.vacant = 0;
        queue.slots.retain(|at| {
            let stays = slots.get(*at).is_some_and(|slot| slot.record.is_some());
            if !stays {
                slots.free.push(*at);
            }
            stays
        });
    }

    fn make_room(&mut self, taken: u64, removed: &mut Removed) {
        while self.weight() + taken > self.capacity && self.advance(removed).is_some() {}
    }

    /// One step of the eviction: whose turn it is leaves, unless it was used. `None` when nobody is there.
    fn advance(&mut self, removed: &mut Removed) -> Option<()> {
        let of_new =
            self.proven.slots.is_empty() || !self.new.slots.is_empty() && self.new.weight >= self.for_new();
        let at = self.queue(of_new).slots.pop_front()?;
        let slot = self.slots.get_mut(at)?;
        let weight = slot.weight;
        let uses = slot.uses.get_mut();
        if slot.record.is_none() {
            self.queue(of_new).vacant -= 1;
            self.slots.free.push(at);
            return Some(());
        }
        let taken = if self.by_weight { u64::from(weight) } else { 1 };
        if *uses > 0 {
            *uses -= 1;
            slot.is_new = false;
            self.queue(of_new).weight -= taken;
            self.proven.push(at, taken);
            return Some(());
        }
        let record = slot.record.take()?;
        let hash = self.hasher.hash_one(record.name.name());
        removed.push(hash, record);
        self.queue(of_new).weight -= taken;
        self.slots.free.push(at);
        self.index.remove(hash, at);
        if of_new {
            // As many as there are entries, whose number is not known before where their weight is bounded.
            if self.ghosts.room() < self.len().div_ceil(2) {
                self.ghosts = Ghosts::of(self.len() + 1);
            }
            self.ghosts.insert(hash);
        }
        Some(())
    }
}

impl Queue {
    fn push(&mut self, at: u32, taken: u64) {
        self.slots.push_back(at);
        self.weight += taken;
    }
}

impl Slots {
    #[inline]
    fn get(&self, at: u32) -> Option<&Slot> {
        let at = at as usize;
        self.chunks.get(at / CHUNK)?.get(at % CHUNK)
    }

    fn get_mut(&mut self, at: u32) -> Option<&mut Slot> {
        let at = at as usize;
        self.chunks.get_mut(at / CHUNK)?.get_mut(at % CHUNK)
    }

    /// Gives the slot back if there are more than can be numbered.
    fn put(&mut self, slot: Slot) -> Result<u32, Slot> {
        if let Some(at) = self.free.pop()
            && let Some(place) = self.get_mut(at)
        {
            *place = slot;
            return Ok(at);
        }
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let full = (self.chunks.len() - 1) * CHUNK;
        match self.chunks.last_mut().map(|chunk| (u32::try_from(full + chunk.len()), chunk)) {
            Some((Ok(at), chunk)) if at < u32::MAX => {
                chunk.push(slot);
                Ok(at)
            }
            _ => Err(slot),
        }
    }
}
