//! Where a hash is: a table of open addressing that leaves no marks of what was removed, so that a full tier, which
//! removes as often as it inserts, need never make it larger or anew.

/// Of this many places, so many are taken at most.
const OF: usize = 5;
const TAKEN: usize = 4;

/// The smallest table.
const LEAST: usize = 16;

/// A place: half of a hash, and what is found there plus one; 0 if it is free.
#[derive(Debug, Clone, Copy, Default)]
struct Place {
    half: u32,
    at: u32,
}

pub(super) struct Index {
    places: Vec<Place>,
    len: usize,
    /// How many there will be, where that is known.
    expected: usize,
}

impl Index {
    pub(super) const fn new(expected: usize) -> Self {
        Self { places: Vec::new(), len: 0, expected }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Finds what has the hash and is it.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let half = half(hash);
        for place in self.from(half) {
            let at = place.at.checked_sub(1)?;
            if place.half == half && is(at) {
                return Some(at);
            }
        }
        None
    }

    /// Inserts what is not there yet.
    pub(super) fn insert(&mut self, hash: u64, at: u32) {
        if (self.len + 1) * OF > self.places.len() * TAKEN {
            self.grow();
        }
        self.put(Place { half: half(hash), at: at + 1 });
        self.len += 1;
    }

    /// Removes what is there.
    pub(super) fn remove(&mut self, hash: u64, at: u32) {
        let half = half(hash);
        let removed = |place: &Place| place.half == half && place.at == at + 1;
        let Some(mut hole) =
            self.from(half).position(removed).map(|steps| self.wrap(self.home(half) + steps))
        else {
            return;
        };
        self.len -= 1;
        // Whatever follows without a gap moves up, if that brings it no further than to its home.
        let mut next = hole;
        loop {
            next = self.wrap(next + 1);
            let place = self.places.get(next).copied().unwrap_or_default();
            if place.at == 0 {
                break;
            }
            let from_home = self.wrap(next + self.places.len() - self.home(place.half));
            if from_home >= self.wrap(next + self.places.len() - hole) {
                self.set(hole, place);
                hole = next;
            }
        }
        self.set(hole, Place::default());
    }

    /// Twice as large, but not larger than it is going to need.
    fn grow(&mut self) {
        let expected = self.expected * OF / TAKEN + 2;
        let doubled = (self.places.len() * 2).max(LEAST);
        let size = if self.places.len() < expected { doubled.min(expected.max(LEAST)) } else { doubled };
        let before = std::mem::replace(&mut self.places, vec![Place::default(); size]);
        before.into_iter().filter(|place| place.at > 0).for_each(|place| self.put(place));
    }

    fn put(&mut self, place: Place) {
        let free = self.from(place.half).position(|place| place.at == 0);
        if let Some(steps) = free {
            let at = self.wrap(self.home(place.half) + steps);
            self.set(at, place);
        }
    }

    fn set(&mut self, at: usize, place: Place) {
        if let Some(slot) = self.places.get_mut(at) {
            *slot = place;
        }
    }

    /// The places where it may be, in their order.
    #[inline]
    fn from(&self, half: u32) -> impl Iterator<Item = &Place> {
        let (before, after) = self.places.split_at(self.home(half));
        after.iter().chain(before)
    }

    /// Where it is put if nothing else is there.
    #[inline]
    fn home(&self, half: u32) -> usize {
        ((u64::from(half) * self.places.len() as u64) >> 32) as usize
    }

    fn wrap(&self, at: usize) -> usize {
        if at < self.places.len() { at } else { at - self.places.len() }
    }
}

/// The half of a hash that no shard is chosen by.
const fn half(hash: u64) -> u32 {
    (hash & 0xFFFF_FFFF) as u32
}
