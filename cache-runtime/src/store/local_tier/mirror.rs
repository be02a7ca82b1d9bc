//! The mirror: what a thread has read of the local tiers, in memory of its own. A hit in it takes no lock and writes
//! nothing that other threads read.
//!
//! It shows only what its tier holds: every key has a generation, a counter that it shares with some other keys,
//! and whatever the tier puts in, takes out or evicts makes the next one. A mirrored value of an earlier
//! generation is not served.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as Counter, Ordering};

use super::super::sync::{AtomicU64, GENERATIONS, thread_local};
use super::super::tags::{Counted, TagCounts};
use super::Shared;

/// The places of a mirror: sets, and places in a set. With the keys below about a quarter of a megabyte a thread.
const SETS: usize = 512;
const WAYS: usize = 4;

/// The longest key that is mirrored, in bytes.
const KEY: usize = 62;

/// The heaviest entry that is mirrored. An evicted one stays in memory until its place is taken, so that of large
/// ones the tier's bounds would no longer hold.
const WEIGHT: u32 = 4_096;

/// Of the hits in the tier itself whose set is full, one in so many gets a place: what is read once leaves the others
/// theirs.
const OFFERS: u32 = 4;

/// After so many hits the tier is asked once, so that its eviction knows what is in use.
const HITS: u8 = 63;

/// The mirror's bookkeeping in a tier.
pub(super) struct Generations {
    /// Tells this tier from all others.
    tier: u64,
    counters: Box<[AtomicU64]>,
}

/// Where a key's generation is counted, and which one it was.
#[derive(Clone, Copy)]
pub(super) struct Generation {
    counter: usize,
    count: u64,
}

impl Generations {
    pub(super) fn new() -> Self {
        static TIERS: Counter = Counter::new(0);
        let counters = (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect();
        Self { tier: TIERS.fetch_add(1, Ordering::Relaxed), counters }
    }

    #[inline]
    fn count(&self, counter: usize) -> u64 {
        self.counters.get(counter).map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    /// The generation of the key with this hash. Read it before the tier: what is found there is then of this one or a
    /// later one.
    #[inline]
    pub(super) fn current(&self, hash: u64) -> Generation {
        let counter = remainder(hash, GENERATIONS);
        Generation { counter, count: self.count(counter) }
    }

    /// Begins the next generation of the key. Do it after the change: who reads the new one does not find the old
    /// value any more.
    pub(super) fn next(&self, hash: u64) {
        if let Some(counter) = self.counters.get(remainder(hash, GENERATIONS)) {
            counter.fetch_add(1, Ordering::Release);
        }
    }
}

#[inline]
fn remainder(hash: u64, of: usize) -> usize {
    usize::try_from(hash % of as u64).unwrap_or_default()
}

/// What is looked for.
pub(crate) struct Sought<'a> {
    pub(crate) namespace: u32,
    pub(crate) key: &'a [u8],
    /// Of the key, to find its place by: equal for keys that were rendered alike.
    pub(crate) fingerprint: u64,
    pub(crate) version: u32,
    pub(crate) now_ms: u64,
}

impl Sought<'_> {
    /// Never zero, which marks an empty place.
    #[inline]
    const fn tag(&self) -> u32 {
        (self.fingerprint >> 32) as u32 | 1
    }

    #[inline]
    fn set(&self) -> usize {
        remainder(self.fingerprint, SETS)
    }
}

/// A mirrored entry: two cache lines.
#[repr(align(128))]
struct Place {
    generation: Generation,
    tier: u64,
    fresh_until: u64,
    value: Shared,
    /// How its tags were counted, if it has some.
    counted: Option<Arc<Counted>>,
    namespace: u32,
    version: u32,
    hits: Cell<u8>,
    length: u8,
    key: [u8; KEY],
}

impl Place {
    #[inline]
    fn is_of(&self, tier: u64, sought: &Sought<'_>) -> bool {
        self.tier == tier
            && self.namespace == sought.namespace
            && self.version == sought.version
            && self.key.get(..usize::from(self.length)) == Some(sought.key)
    }
}

struct Mirror {
    /// Of each place, by sets: what tells most of the others from the one that is looked for. Empty until
    /// something is mirrored.
    tags: Vec<[u32; WAYS]>,
    places: Vec<[Option<Place>; WAYS]>,
    offers: u32,
}

impl Mirror {
    const EMPTY: Self = Self { tags: Vec::new(), places: Vec::new(), offers: 0 };

    #[inline]
    fn find(&self, tier: u64, sought: &Sought<'_>) -> Option<(usize, &Place)> {
        let tags = self.tags.get(sought.set())?;
        let places = self.places.get(sought.set())?;
        let mut ways = tags.iter().zip(places).enumerate();
        ways.find_map(|(way, (tag, place))| {
            let place = place.as_ref().filter(|_| *tag == sought.tag())?;
            place.is_of(tier, sought).then_some((way, place))
        })
    }
}

thread_local! {
    static MIRROR: RefCell<Mirror> = const { RefCell::new(Mirror::EMPTY) };
}

/// What a thread is to mirror: a value that was read from the tier, in `generation` or after it.
pub(super) struct Offered {
    pub(super) value: Shared,
    pub(super) generation: Generation,
    pub(super) fresh_until: u64,
    pub(super) counted: Option<Arc<Counted>>,
}

/// Runs `within` while this thread's mirror shows nothing.
pub(super) fn closed<R>(mut within: impl FnMut() -> R) -> R {
    let done = MIRROR.try_with(|mirror| {
        // Borrowed already inside of another.
        let _closed = mirror.try_borrow_mut();
        within()
    });
    done.unwrap_or_else(|_| within())
}

/// Shows `read` a value that is mirrored, of the current generation, with none but current tags, and fresh. Returns whether there was one that `read`
/// can use; if not, ask the tier.
#[inline]
pub(super) fn get(
    generations: &Generations,
    tags: &TagCounts,
    sought: &Sought<'_>,
    read: impl FnOnce(&Shared) -> bool,
) -> bool {
    // Not there while the thread ends; borrowed while something is taken in.
    let found = MIRROR.try_with(|mirror| {
        let Ok(mirror) = mirror.try_borrow() else { return false };
        let Some((_, place)) = mirror.find(generations.tier, sought) else { return false };
        let hits = place.hits.get();
        let serves = place.generation.count == generations.count(place.generation.counter)
            && sought.now_ms < place.fresh_until
            && hits > 0
            && place.counted.as_ref().is_none_or(|counted| tags.is_current(counted));
        place.hits.set(if serves { hits - 1 } else { HITS });
        serves && read(&place.value)
    });
    found.unwrap_or(false)
}

/// Takes in a value.
pub(super) fn offer(generations: &Generations, sought: &Sought<'_>, offered: Offered, weight: u32) {
    let Offered { value, generation, fresh_until, counted } = offered;
    let mut key = [0; KEY];
    let room = key.get_mut(..sought.key.len()).filter(|_| weight <= WEIGHT);
    let (Some(room), Ok(length)) = (room, u8::try_from(sought.key.len())) else { return };
    room.copy_from_slice(sought.key);
    let replaced = MIRROR.try_with(|mirror| {
        let mut mirror = mirror.try_borrow_mut().ok()?;
        if mirror.tags.is_empty() {
            mirror.tags.resize(SETS, [0; WAYS]);
            mirror.places.resize_with(SETS, Default::default);
        }
        let own = mirror.find(generations.tier, sought).map(|(way, _)| way);
        let offers = mirror.offers.wrapping_add(1);
        mirror.offers = offers;
        let tags = mirror.tags.get_mut(sought.set())?;
        let way = match own.or_else(|| tags.iter().position(|tag| *tag == 0)) {
            Some(way) => way,
            None if offers.is_multiple_of(OFFERS) => (offers / OFFERS) as usize % WAYS,
            None => return None,
        };
        *tags.get_mut(way)? = sought.tag();
        let place = Place {
            generation,
            tier: generations.tier,
            fresh_until,
            value,
            counted,
            namespace: sought.namespace,
            version: sought.version,
            hits: Cell::new(HITS),
            length,
            key,
        };
        mirror.places.get_mut(sought.set())?.get_mut(way)?.replace(place)
    });
    // Outside of the borrow: values run their authors' drop code.
    drop(replaced);
}
