//! The local tier: typed values in this process, bounded, found by a key's text without allocating.

mod ghosts;
mod index;
mod mirror;
mod record;
mod shard;
mod table;

use std::any::Any;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;

pub(crate) use mirror::Sought;
use mirror::{Generations, Offered};
use record::{Content, Name, Record, Taken, Text};
use shard::Removed;
use table::Table;

use super::tags::{Counted, TagCounts};
use crate::key::{Identified, Identity};

/// A value of whatever type, as the tier holds it.
pub(crate) type Shared = Arc<dyn Any + Send + Sync>;

/// What an entry weighs in bytes beside its value and its key, about as much as it takes.
const ENTRY_BYTES: usize = 96;

/// What one value is assumed to weigh where only the bytes are bounded.
const ASSUMED_BYTES: u64 = 512;

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
    /// None if it holds nothing.
    table: Option<Table>,
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
    record: Record,
    weight: u32,
}

/// What an insertion put out. Dropping it may run the drop code of values, so do that outside of locks.
#[must_use = "drop it outside of locks"]
pub(crate) struct Evicted {
    _removed: Removed,
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
        Self { record, weight: u32::try_from(weight).unwrap_or(u32::MAX) }
    }

    /// The entry carries tags, counted before its value was read.
    pub(crate) fn with_tags(mut self, counted: Option<Arc<Counted>>) -> Self {
        if let Some(counted) = counted {
            self.record.content.tag(counted);
        }
        self
    }
}

impl Tier {
    fn new(config: LocalTier) -> Self {
        let hasher = RandomState::default();
        let table = (!config.is_off()).then(|| match (config.entries, config.bytes) {
            (_, Some(bytes)) => {
                let expected = usize::try_from(bytes / ASSUMED_BYTES).unwrap_or(usize::MAX);
                Table::of_bytes(bytes, config.entries.unwrap_or(expected), &hasher)
            }
            (entries, None) => Table::of_entries(entries.unwrap_or_default(), &hasher),
        });
        Self { table, generations: Generations::new(), tags: Arc::default(), hasher }
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
        sought: &Sought<'_, impl Identified>,
        read: impl FnOnce(&Shared) -> Option<R>,
    ) -> Option<R> {
        self.lent(sought, |shared, _| shared.as_ref().and_then(read))
    }

    /// Puts a value back that was lent, to the place that it came from.
    #[inline]
    pub(crate) fn give_back(place: usize, value: Shared) {
        mirror::give_back(place, value);
    }

    /// The same for who wants to have the value itself for a while, without counting one owner more, which would write
    /// what other threads read: `borrow` may take it out, and then has to [`give_back`](Self::give_back) it to the place of that number.
    #[inline]
    pub(crate) fn lent<R>(
        &self,
        sought: &Sought<'_, impl Identified>,
        borrow: impl FnOnce(&mut Option<Shared>, usize) -> Option<R>,
    ) -> Option<R> {
        mirror::get(&self.generations, &self.tags, sought, borrow)
    }

    /// Finds a value that has not expired, is of the version and has no tag that has changed, and shows it to `read`
    /// (`None`: a "not there"). It is a hit if `read` can use it. A fresh one is mirrored from then on. Finds nothing if
    /// `skips` says so.
    pub(crate) fn get(
        &self,
        sought: &Sought<'_, Identity>,
        key: &(impl AsRef<[u8]> + ?Sized),
        version: u32,
        skips: impl FnOnce() -> bool,
        read: impl FnOnce(Option<&Shared>) -> bool,
    ) -> Option<Hit> {
        let table = self.table.as_ref().filter(|_| !skips())?;
        let name = Name { namespace: sought.namespace, key: key.as_ref() };
        let hash = self.hasher.hash_one(name);
        let generation = self.generations.current(hash);
        let take = |record: &Record, weight| Some((record.take(version, sought.now_ms)?, weight));
        let (Taken { value, fresh_until, counted }, weight) = table.get(hash, name, take)?;
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
        let Prepared { record, weight } = entry;
        let hash = self.hasher.hash_one(record.name.name());
        let Some(table) = &self.table else { return Evicted { _removed: Removed::of(hash, record) } };
        let removed = table.insert(hash, record, weight);
        self.generations.next(hash);
        removed.hashes().for_each(|hash| self.generations.next(hash));
        Evicted { _removed: removed }
    }

    /// Takes a key's value out, of whatever type. Returns whether it was there.
    pub(crate) fn remove(&self, namespace: u32, key: &(impl AsRef<[u8]> + ?Sized)) -> bool {
        let name = Name { namespace, key: key.as_ref() };
        let hash = self.hasher.hash_one(name);
        let removed = self.table.as_ref().and_then(|table| table.remove(hash, name));
        // After the removal: who reads this generation finds nothing of the one before.
        self.generations.next(hash);
        removed.is_some()
    }

    /// Takes out every key of the namespace that starts with `prefix`; all of them when it is empty. Looks at
    /// every entry.
    pub(crate) fn remove_matching(&self, namespace: u32, prefix: &str) {
        let Some(table) = &self.table else { return };
        // Two passes, since what is removed is dropped outside of the locks.
        let mut keys = Vec::new();
        table.each(|record| {
            let name = record.name.name();
            if name.namespace == namespace && name.key.starts_with(prefix.as_bytes()) {
                keys.push(Box::<[u8]>::from(name.key));
            }
        });
        for key in keys {
            self.remove(namespace, &key);
        }
    }

    /// How many entries there are, expired ones too.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.table.as_ref().map_or(0, |table| table.sum(shard::Shard::len))
    }

    /// What the entries weigh: bytes, or their number.
    #[cfg(test)]
    pub(crate) fn weight(&self) -> u64 {
        self.table.as_ref().map_or(0, |table| table.sum(shard::Shard::weight))
    }
}
