//! The local tier: typed values in this process, bounded, found by a key's text without allocating.

use std::any::Any;
use std::cell::Cell;
use std::hash::{Hash, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::quality::RandomState;
use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Lifecycle, OptionsBuilder, Weighter};

/// What an entry weighs in bytes beside its value and its key, about as much as it takes.
const ENTRY_BYTES: usize = 96;

/// What one value is assumed to weigh where only the bytes are bounded.
const ASSUMED_BYTES: u64 = 512;

/// How many keys that were evicted are remembered, to know them when they come back, per key held: in percent.
/// Each takes about 50 bytes. More of them help where it changes what is asked for, fewer where it does not.
const GHOSTS: u16 = 25;

/// The longest text, namespace and key, that stands in the entry itself: as long as makes a [`Text`] of 24 bytes.
const SHORT: usize = 22;

/// From how many entries a shard on the table is grown in one step to what it can need at most, once it is a
/// quarter full. By doubling, half of it may stay empty.
const LARGE: usize = 250;

/// How large the local tier may grow: in entries, or in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct LocalTier {
    entries: Option<usize>,
    bytes: Option<u64>,
}

impl LocalTier {
    /// Holds about as many entries, of whatever size; none with 0.
    pub const fn new(entries: usize) -> Self {
        Self { entries: Some(entries), bytes: None }
    }

    /// Holds entries of about as many bytes in all, instead of a number of them; none with 0.
    ///
    /// An entry weighs what its type's weigher says, plus its key and about 96 bytes. One that is heavier than
    /// its shard's part of the whole is not held; with fewer than 32 entries to be expected there is one shard.
    pub const fn weight(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
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
}

/// What [`Tier::get`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Hit<V> {
    /// Within its time to live.
    Fresh(V),
    /// Past it, but it may still be served.
    Stale(V),
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
    pub(crate) fn new<V: Send + Sync + 'static>(
        namespace: u32,
        key: &str,
        value: V,
        deadlines: Deadlines,
        version: u32,
        weight: usize,
    ) -> Self {
        let Deadlines { fresh_until, stale_until } = deadlines;
        let stale_for = u32::try_from(stale_until.saturating_sub(fresh_until)).unwrap_or(u32::MAX);
        let weight = weight.saturating_add(key.len()).saturating_add(ENTRY_BYTES);
        let record = Record { fresh_until, stale_for, version, name: Text::new(namespace, key), value };
        Self { held: Held(Box::new(record)), weight: u32::try_from(weight).unwrap_or(u32::MAX) }
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
        Self { cache, entries, until_full_size }
    }

    /// Finds a value that has not expired at `now_ms`, of this type and version, and gives a clone of it.
    ///
    /// The clone is made under the lock of the key's shard, for reading: let `V` be an [`Arc`](std::sync::Arc)
    /// or small. In return nothing else is written that other readers of the key read.
    #[inline]
    pub(crate) fn get<V: Clone + 'static>(
        &self,
        namespace: u32,
        key: &str,
        version: u32,
        now_ms: u64,
    ) -> Option<Hit<V>> {
        let probe = Probe { name: Name { namespace, key }, version, now_ms, found: Cell::new(None) };
        self.cache.as_ref()?.get(&probe)?;
        probe.found.into_inner()
    }

    /// Puts a value in, over the one that is there.
    pub(crate) fn insert(&self, entry: Prepared) -> Evicted {
        let mut state = Removed::default();
        match &self.cache {
            Some(cache) => {
                cache.insert_with_lifecycle(entry.held, entry.weight, &mut state);
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
    pub(crate) fn remove(&self, namespace: u32, key: &str) -> bool {
        let removed = self.cache.as_ref().and_then(|cache| cache.remove(&Name { namespace, key }));
        removed.is_some()
    }

    /// Takes out every key of the namespace that starts with `prefix`; all of them when it is empty. Looks at
    /// every entry.
    pub(crate) fn remove_matching(&self, namespace: u32, prefix: &str) {
        let Some(cache) = &self.cache else { return };
        // Two passes, since what `retain` removes it also drops, under the shard's lock.
        let names = std::cell::RefCell::new(Vec::new());
        cache.retain(|held, _| {
            let name = held.0.name();
            if name.namespace == namespace && name.key.starts_with(prefix.as_bytes()) {
                names.borrow_mut().push(Box::<[u8]>::from(name.key));
            }
            true
        });
        for key in names.into_inner() {
            drop(cache.remove(&Name { namespace, key: &*key }));
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

/// An entry, whole: what the cache calls the key. It gives out clones of what it calls the value, so with the
/// record as that every hit would write to a counter that all readers of the key share. A reader therefore
/// takes what it wants while the keys are being compared, see [`Probe`]; the cache's value is the weight.
struct Held(Box<dyn Item>);

struct Record<V> {
    fresh_until: u64,
    /// How long it is served after that, in milliseconds.
    stale_for: u32,
    version: u32,
    name: Text,
    value: V,
}

/// The four bytes of a namespace, then a key's. A short one needs no further allocation.
enum Text {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl Text {
    fn new(namespace: u32, key: &str) -> Self {
        let parts = [&namespace.to_ne_bytes(), key.as_bytes()];
        let length = parts[0].len() + parts[1].len();
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..length), u8::try_from(length)) {
            (Some(slot), Ok(length)) => {
                slot.iter_mut().zip(parts.concat()).for_each(|(slot, byte)| *slot = byte);
                Self::Short { length, bytes }
            }
            _ => Self::Long(parts.concat().into()),
        }
    }

    #[inline]
    fn name(&self) -> Name<'_, [u8]> {
        let text = match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Self::Long(bytes) => bytes,
        };
        // Never shorter than the namespace.
        let (namespace, key) = text.split_first_chunk().unwrap_or((&[0; 4], text));
        Name { namespace: u32::from_ne_bytes(*namespace), key }
    }
}

/// A [`Record`] whose type of value is not known.
trait Item: Any + Send + Sync {
    fn name(&self) -> Name<'_, [u8]>;
}

impl<V: Send + Sync + 'static> Item for Record<V> {
    fn name(&self) -> Name<'_, [u8]> {
        self.name.name()
    }
}

/// What an entry is found by.
#[derive(PartialEq, Eq)]
struct Name<'a, K: ?Sized> {
    namespace: u32,
    key: &'a K,
}

impl<K: AsRef<[u8]> + ?Sized> Hash for Name<'_, K> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.namespace);
        // Nothing follows, so there need be no mark of the end.
        state.write(self.key.as_ref());
    }
}

impl<K: AsRef<[u8]> + ?Sized> Equivalent<Held> for Name<'_, K> {
    fn equivalent(&self, held: &Held) -> bool {
        held.0.name() == Name { namespace: self.namespace, key: self.key.as_ref() }
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Held {}

/// A reader: it is equal to the entry of its key if that is of its type, and takes the value from it then.
struct Probe<'a, V> {
    name: Name<'a, str>,
    version: u32,
    now_ms: u64,
    found: Cell<Option<Hit<V>>>,
}

impl<V> Hash for Probe<'_, V> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl<V: Clone + 'static> Equivalent<Held> for Probe<'_, V> {
    #[inline]
    fn equivalent(&self, held: &Held) -> bool {
        let item: &dyn Any = &*held.0;
        let Some(record) = item.downcast_ref::<Record<V>>() else { return false };
        let Name { namespace, key } = record.name.name();
        if namespace != self.name.namespace
            || key != self.name.key.as_bytes()
            || record.version != self.version
        {
            return false;
        }
        if self.now_ms < record.fresh_until {
            self.found.set(Some(Hit::Fresh(record.value.clone())));
        } else if self.now_ms < record.fresh_until.saturating_add(u64::from(record.stale_for)) {
            self.found.set(Some(Hit::Stale(record.value.clone())));
        }
        true
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
