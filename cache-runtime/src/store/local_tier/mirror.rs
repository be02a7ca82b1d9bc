//! The mirror: what a thread has read of the local tiers, in memory of its own. A hit in it takes no lock and writes
//! nothing that other threads read.
//!
//! It shows only what its tier holds: every key has a generation, a counter that it shares with some other keys,
//! and whatever the tier puts in, takes out or evicts makes the next one. A mirrored value of an earlier
//! generation is not served.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64 as Counter, Ordering};

use super::super::sync::{AtomicU64, GENERATIONS, thread_local};
use super::super::tags::{Counted, TagCounts};
use super::Shared;
use crate::key::{Form, Head, Identified, Identity, Rest};

/// The places of a mirror: a quarter of a megabyte a thread. A key has its first choice among them, and three more.
///
/// In tests all keys have the same ones.
const PLACES: usize = if cfg!(test) { CHOICES } else { 2_048 };
const CHOICES: usize = 4;

/// The heaviest entry that is mirrored. An evicted one stays in memory until its place is taken, so that of large
/// ones the tier's bounds would no longer hold.
const WEIGHT: u32 = 4_096;

/// Of the hits in the tier itself whose places are all taken, one in so many gets one: what is read once leaves the
/// others theirs.
const OFFERS: u32 = 4;

/// After so many hits the tier is asked once, so that its eviction knows what is in use.
const HITS: u8 = 255;

/// The mirror's bookkeeping in a tier.
pub(super) struct Generations {
    /// Tells this tier from all others; it has none when the numbers have run out.
    tier: Option<u32>,
    counters: Box<[AtomicU64]>,
}

/// Where a key's generation is counted, and which one it was.
#[derive(Clone, Copy)]
pub(super) struct Generation {
    counter: u16,
    count: u64,
}

const _: () = assert!(GENERATIONS <= 1 << u16::BITS);

impl Generations {
    pub(super) fn new() -> Self {
        static TIERS: Counter = Counter::new(0);
        let tier = u32::try_from(TIERS.fetch_add(1, Ordering::Relaxed)).ok();
        let counters = (0..GENERATIONS).map(|_| AtomicU64::new(0)).collect();
        Self { tier, counters }
    }

    #[inline]
    fn count(&self, counter: u16) -> u64 {
        self.counters.get(usize::from(counter)).map_or(0, |counter| counter.load(Ordering::Acquire))
    }

    /// The generation of the key with this hash. Read it before the tier: what is found there is then of this one or a
    /// later one.
    #[inline]
    pub(super) fn current(&self, hash: u64) -> Generation {
        let counter = u16::try_from(remainder(hash, GENERATIONS)).unwrap_or_default();
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
pub(crate) struct Sought<'a, K> {
    pub(crate) namespace: u32,
    pub(crate) key: &'a K,
    pub(crate) now_ms: u64,
}

impl<K: Identified> Sought<'_, K> {
    /// Where to look for it.
    #[inline]
    fn choices(&self) -> impl Iterator<Item = usize> + use<K> {
        // Services that differ in their namespaces alone have the same keys.
        let first = remainder(self.key.hash() ^ u64::from(self.namespace), PLACES);
        (0..CHOICES).map(move |choice| first ^ choice)
    }
}

/// A mirrored entry: two cache lines, of which a hit needs the second for long keys and for tags only.
struct Place {
    front: Front,
    back: Back,
}

#[repr(align(64))]
struct Front {
    key: Head,
    /// `None` while it is lent: then the place is kept for it.
    value: Option<Shared>,
    fresh_until: u64,
    /// Its generation.
    count: u64,
    tier: u32,
    namespace: u32,
    counter: u16,
    form: Form,
    hits: u8,
    is_tagged: bool,
}

#[repr(align(64))]
struct Back {
    key: Rest,
    /// How its tags were counted, if it has some.
    counted: Option<Arc<Counted>>,
}

const _: () = assert!(size_of::<Option<Place>>() == 128);

impl Place {
    #[inline]
    fn is_of(&self, tier: u32, sought: &Sought<'_, impl Identified>) -> bool {
        let front = &self.front;
        front.tier == tier
            && front.namespace == sought.namespace
            && sought.key.is_of(front.key, front.form, &self.back.key)
    }
}

struct Mirror {
    /// None until something is mirrored.
    places: Vec<Option<Place>>,
    offers: u32,
}

impl Mirror {
    const EMPTY: Self = Self { places: Vec::new(), offers: 0 };

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "with the identity in memory a hit takes 5 ns more")]
    fn find(&mut self, tier: u32, sought: &Sought<'_, impl Identified>) -> Option<(usize, &mut Place)> {
        let is = |at: &usize| {
            let place = self.places.get(*at).and_then(Option::as_ref);
            place.is_some_and(|place| place.is_of(tier, sought))
        };
        let at = sought.choices().find(is)?;
        Some((at, self.places.get_mut(at)?.as_mut()?))
    }

    /// Where to put what is not there yet: `None` for nowhere.
    fn room_for(&mut self, tier: u32, sought: &Sought<'_, Identity>) -> Option<&mut Option<Place>> {
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        self.offers = self.offers.wrapping_add(1);
        let (mut own, mut free) = (None, None);
        for at in sought.choices() {
            match self.places.get(at)? {
                Some(place) if place.is_of(tier, sought) => own = own.or(Some(at)),
                Some(_) => {}
                None => free = free.or(Some(at)),
            }
        }
        let another = || {
            let turn = self.offers.is_multiple_of(OFFERS).then_some(self.offers / OFFERS)?;
            sought.choices().nth(turn as usize % CHOICES)
        };
        let place = self.places.get_mut(own.or(free).or_else(another)?)?;
        // Whoever has borrowed a value brings it back to its place.
        let is_lent = place.as_ref().is_some_and(|place| place.front.value.is_none());
        (!is_lent).then_some(place)
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

/// Shows `read` a value that is mirrored, of the current generation, with none but current tags, and fresh; returns
/// what that makes of it. `read` may take the value out of its place, whose number it is told, if it brings it back.
/// `None`: ask the tier.
#[inline]
pub(super) fn get<R>(
    generations: &Generations,
    tags: &TagCounts,
    sought: &Sought<'_, impl Identified>,
    read: impl FnOnce(&mut Option<Shared>, usize) -> Option<R>,
) -> Option<R> {
    let tier = generations.tier?;
    // Not there while the thread ends; borrowed while something is taken in.
    let found = MIRROR.try_with(|mirror| {
        let mut mirror = mirror.try_borrow_mut().ok()?;
        let (at, Place { front, back }) = mirror.find(tier, sought)?;
        let left = front.hits;
        let serves = front.count == generations.count(front.counter)
            && sought.now_ms < front.fresh_until
            && left > 0
            && (!front.is_tagged || back.counted.as_ref().is_none_or(|counted| tags.is_current(counted)));
        front.hits = if serves { left - 1 } else { HITS };
        if serves { read(&mut front.value, at) } else { None }
    });
    found.ok().flatten()
}

/// Puts a value back that was taken out of the place of this number.
#[inline]
pub(super) fn give_back(at: usize, value: Shared) {
    let left = MIRROR.try_with(|mirror| {
        let mut mirror = mirror.try_borrow_mut().ok();
        let place = mirror.as_mut().and_then(|mirror| mirror.places.get_mut(at)?.as_mut());
        // Nobody else has put something there.
        match place.map(|place| &mut place.front.value) {
            Some(slot @ None) => {
                *slot = Some(value);
                None
            }
            _ => Some(value),
        }
    });
    // Outside of the borrow, if it is to be dropped.
    drop(left);
}

/// Takes in a value.
pub(super) fn offer(generations: &Generations, sought: &Sought<'_, Identity>, offered: Offered, weight: u32) {
    let Offered { value, generation: Generation { counter, count }, fresh_until, counted } = offered;
    let Some(tier) = generations.tier.filter(|_| weight <= WEIGHT) else { return };
    let replaced = MIRROR.try_with(|mirror| {
        let mut mirror = mirror.try_borrow_mut().ok()?;
        let room = mirror.room_for(tier, sought)?;
        let (key, form, rest) = sought.key.parts()?;
        let (value, namespace, hits, is_tagged) = (Some(value), sought.namespace, HITS, counted.is_some());
        let front = Front { key, value, fresh_until, count, tier, namespace, counter, form, hits, is_tagged };
        room.replace(Place { front, back: Back { key: rest, counted } })
    });
    // Outside of the borrow: values run their authors' drop code.
    drop(replaced);
}
