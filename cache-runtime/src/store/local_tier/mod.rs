//! The local tier: typed values in this process, bounded, found by a key's text without allocating.

mod mirror;
mod record;

use std::any::Any;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use foldhash::quality::RandomState;
use quick_cache::sync::Cache;
use quick_cache::{Lifecycle, OptionsBuilder, Weighter};

pub(crate) use mirror::Sought;
use mirror::{Generations, Offered};
use record::{Content, Held, Name, Probe, Record, Taken, Text};

use super::tags::{Counted, TagCounts};

/// A value of whatever type, as the tier holds it.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// What an entry weighs in bytes beside its value and its key, about as much as it takes.
const ENTRY_BYTES: usize = 96;

/// What one value is assumed to weigh where only the bytes are bounded.
const ASSUMED_BYTES: u64 = 512;

/// How many keys that were evicted are remembered, to know them when they come back, per key held: in percent.
/// Each takes about 50 bytes. More of them help where it changes what is asked for, fewer where it does not.
const GHOSTS: u16 = 10;

/// From how many entries a shard on the table is grown in one step to what it can need at most, once it is a
/// quarter full. By doubling, half of it may stay empty.
const LARGE: usize = 250;

/// How large the local tier may grow: in entries, or in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct LocalTier {
    entries: Option<usize>,
    bytes: Option<u64>,
    ttl: Option<Duration>,
}

impl LocalTier {
    /// Holds about as many entries, of whatever size; none with 0.
    pub const fn new(entries: usize) -> Self {
        Self { entries: Some(entries), bytes: None, ttl: None }
    }

    /// Holds entries of about as many bytes in all, instead of a number of them; none with 0.
    ///
    /// An entry weighs what its type's weigher says, plus its key and about 96 bytes. One that is heavier than
    /// its shard's part of the whole is not held; with fewer than 32 entries to be expected there is one shard.
    pub const fn weight(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    /// Serves no value for longer than `ttl` after it was read or stored, whatever its own time to live. After that the
    /// backend is asked.
    ///
    /// Over a backend that neither lives in this process nor pushes its changes to it, this is needed: it bounds how
    /// long a change by another process can go unnoticed. Over one that pushes, it stands in where the server
    /// refuses to.
    pub const fn local_ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    pub(crate) const fn ttl(&self) -> Option<Duration> {
        self.ttl
    }

    /// Whether it holds nothing.
    pub(crate) const fn is_off(&self) -> bool {
        matches!((self.entries, self.bytes), (_, Some(0)) | (Some(0) | None, None))
    }

    pub(crate) fn build(self) -> Tier {
        Tier::new(self)
    }
}

/// The tier itself.
pub(crate) struct Tier {
    cache: Option<Cache<Held, u32, Weigh, RandomState, Outside>>,
    /// How many entries it holds at most, where that is known.
    entries: usize,
    /// How many more insertions make it grow to its full size.
    until_full_size: AtomicUsize,
    /// What tells the mirrors of the threads which of their values are no longer those of the tier.
    generations: Generations,
    tags: Arc<TagCounts>,
    hasher: RandomState,
}

/// What [`Tier::get`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hit {
    /// Within its time to live.
    Fresh,
    /// Past it, but it may still be served.
    Stale,
}

/// When a value stops being fresh, and when it stops being served, on the clock that `now_ms` is read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadlines {
    pub(crate) fresh_until: u64,
    /// No earlier than `fresh_until`; of a stale window longer than 49 days only these count.
    pub(crate) stale_until: u64,
}

/// A value on its way into the tier. Making it allocates and weighs, so that inserting does neither.
pub(crate) struct Prepared {
    held: Held,
    weight: u32,
}

/// What an insertion put out. Dropping it may run the drop code of values, so do that outside of locks.
#[must_use = "drop it outside of locks"]
pub(crate) struct Evicted {
    _state: Removed,
}

impl Prepared {
    /// `version` is the one that a reader has to ask for; `weight` is that of the value, in bytes.
    ///
    /// `None` is a cached "not there".
    pub(crate) fn new(
        namespace: u32,
        key: &(impl AsRef<[u8]> + ?Sized),
        value: Option<Shared>,
        deadlines: Deadlines,
        version: u32,
        weight: usize,
    ) -> Self {
        let Deadlines { fresh_until, stale_until } = deadlines;
        let stale_for = u32::try_from(stale_until.saturating_sub(fresh_until)).unwrap_or(u32::MAX);
        let key = key.as_ref();
        let weight = weight.saturating_add(key.len()).saturating_add(ENTRY_BYTES);
        let content = Content::new(value);
        let record = Record { fresh_until, stale_for, version, name: Text::new(namespace, key), content };
        Self { held: Held(Box::new(record)), weight: u32::try_from(weight).unwrap_or(u32::MAX) }
    }

    /// The entry carries tags, counted before its value was read.
    pub(crate) fn with_tags(mut self, counted: Option<Arc<Counted>>) -> Self {
        if let Some(counted) = counted {
            self.held.0.content.tag(counted);
        }
        self
    }
}

impl Tier {
    fn new(config: LocalTier) -> Self {
        let entries = config.entries.filter(|_| config.bytes.is_none());
        let capacity = config.bytes.unwrap_or(entries.unwrap_or_default() as u64);
        let expected = entries.unwrap_or(usize::try_from(capacity / ASSUMED_BYTES).unwrap_or(usize::MAX));
        let mut options = OptionsBuilder::new();
        options.estimated_items_capacity(expected).weight_capacity(capacity);
        options.ghost_allocation(f64::from(GHOSTS) / 100.0);
        // The builder fails only without the two capacities.
        let options = options.build().ok().filter(|_| capacity > 0);
        let weigh = Weigh { by_weight: entries.is_none() };
        let make = |options| Cache::with_options(options, weigh, RandomState::default(), Outside);
        let cache = options.map(make);
        let entries = entries.unwrap_or_default();
        let a_shard = entries / cache.as_ref().map_or(1, Cache::num_shards);
        let until_full_size = AtomicUsize::new(if a_shard < LARGE { 0 } else { entries / 4 });
        Self {
            cache,
            entries,
            until_full_size,
            generations: Generations::new(),
            tags: Arc::default(),
            hasher: RandomState::default(),
        }
    }

    /// What this process hears of tags.
    pub(crate) const fn tags(&self) -> &Arc<TagCounts> {
        &self.tags
    }

    /// Runs `within` while the mirrors show this thread nothing, of whatever tier: who has to look more closely before
    /// a hit does so past them, and a hit elsewhere pays nothing for it.
    pub(crate) fn without_mirror<R>(within: impl FnMut() -> R) -> R {
        mirror::closed(within)
    }

    /// Finds a fresh value among those that this thread has read before, and shows it to `read`, which may be able to
    /// use it. Takes no lock and writes nothing that another thread reads, but what `read` writes.
    #[inline]
    pub(crate) fn mirrored<R>(
        &self,
        sought: &Sought<'_>,
        read: impl FnOnce(&Shared) -> Option<R>,
    ) -> Option<R> {
        mirror::get(&self.generations, &self.tags, sought, read)
    }

    /// Finds a value that has not expired, is of the version and has no tag that has changed, and shows it to `read`
    /// (`None`: a "not there"). It is a hit if `read` can use it. A fresh one is mirrored from then on. Finds nothing if
    /// `skips` says so.
    pub(crate) fn get(
        &self,
        sought: &Sought<'_>,
        key: &(impl AsRef<[u8]> + ?Sized),
        version: u32,
        skips: impl FnOnce() -> bool,
        read: impl FnOnce(Option<&Shared>) -> bool,
    ) -> Option<Hit> {
        let cache = self.cache.as_ref().filter(|_| !skips())?;
        let name = Name { namespace: sought.namespace, key: key.as_ref() };
        let generation = self.generations.current(self.hasher.hash_one(name));
        let probe = Probe::new(name, version, sought.now_ms);
        let weight = cache.get(&probe)?;
        let Taken { value, fresh_until, counted } = probe.found.into_inner()?;
        if counted.as_ref().is_some_and(|counted| !self.tags.is_current(counted)) {
            return None;
        }
        if !read(value.as_ref()) {
            return None;
        }
        if sought.now_ms >= fresh_until {
            return Some(Hit::Stale);
        }
        if let Some(value) = value {
            let offered = Offered { value, generation, fresh_until, counted };
            mirror::offer(&self.generations, sought, offered, weight);
        }
        Some(Hit::Fresh)
    }

    /// Puts a value in, over the one that is there.
    pub(crate) fn insert(&self, entry: Prepared) -> Evicted {
        let mut state = Removed::default();
        match &self.cache {
            Some(cache) => {
                let hash = self.hash(&entry.held);
                cache.insert_with_lifecycle(entry.held, entry.weight, &mut state);
                self.generations.next(hash);
                state.all().for_each(|held| self.generations.next(self.hash(held)));
                if self.is_to_grow() {
                    // Some more for shards that are fuller than others; it adds the room for the evicted itself.
                    let spare = self.entries / 32 + cache.num_shards() * 24;
                    cache.reserve(self.entries / 4 * 3 + spare);
                }
            }
            None => state.more.push(entry.held),
        }
        Evicted { _state: state }
    }

    /// Whether this insertion is the one that makes the table grow to its full size.
    fn is_to_grow(&self) -> bool {
        // As a rule that is past, and then nothing is written.
        self.until_full_size.load(Ordering::Relaxed) > 0
            && self.until_full_size.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1))
                == Ok(1)
    }

    /// Takes a key's value out, of whatever type. Returns whether it was there.
    pub(crate) fn remove(&self, namespace: u32, key: &(impl AsRef<[u8]> + ?Sized)) -> bool {
        let name = Name { namespace, key: key.as_ref() };
        let removed = self.cache.as_ref().and_then(|cache| cache.remove(&name));
        // After the removal: who reads this generation finds nothing of the one before.
        self.generations.next(self.hasher.hash_one(name));
        removed.is_some()
    }

    fn hash(&self, held: &Held) -> u64 {
        self.hasher.hash_one(held.0.name.name())
    }

    /// Takes out every key of the namespace that starts with `prefix`; all of them when it is empty. Looks at
    /// every entry.
    pub(crate) fn remove_matching(&self, namespace: u32, prefix: &str) {
        let Some(cache) = &self.cache else { return };
        // Two passes, since what `retain` removes it also drops, under the shard's lock.
        let names = std::cell::RefCell::new(Vec::new());
        cache.retain(|held, _| {
            let name = held.0.name.name();
            if name.namespace == namespace && name.key.starts_with(prefix.as_bytes()) {
                names.borrow_mut().push(Box::<[u8]>::from(name.key));
            }
            true
        });
        for key in names.into_inner() {
            self.remove(namespace, &key);
        }
    }

    /// How many entries there are, expired ones too.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.cache.as_ref().map_or(0, Cache::len)
    }

    /// What the entries weigh: bytes, or their number.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> u64 {
        self.cache.as_ref().map_or(0, Cache::weight)
    }
}

#[derive(Clone)]
struct Weigh {
    by_weight: bool,
}

impl Weighter<Held, u32> for Weigh {
    #[inline]
    fn weight(&self, _: &Held, weight: &u32) -> u64 {
        if self.by_weight { u64::from(*weight) } else { 1 }
    }
}

/// Carries what an insertion puts out from under the lock: values run their authors' drop code.
#[derive(Clone)]
struct Outside;

#[derive(Default)]
struct Removed {
    /// As a rule it is one.
    first: Option<Held>,
    more: Vec<Held>,
}

impl Removed {
    fn all(&self) -> impl Iterator<Item = &Held> {
        self.first.iter().chain(&self.more)
    }
}

impl Lifecycle<Held, u32> for Outside {
    type RequestState = Removed;

    #[inline]
    fn on_evict(&self, removed: &mut Removed, held: Held, _: u32) {
        if removed.first.is_none() {
            removed.first = Some(held);
        } else {
            removed.more.push(held);
        }
    }
}
