//! The keys that were evicted a short while ago, to know them when they come back.

/// How many ghosts of different ages share a bucket.
const WAYS: usize = 8;

/// How many of them a bucket is made for: with more it would too often be full of young ones.
const FILLED: usize = 6;

/// How many keys at most enter at the same time, as an age tells it: one in so many of all.
const AGES: usize = 1_024;

/// A set of hashes that forgets, with four bytes for each place. It may take one key in some ten thousands for
/// another, which then stays a little longer than it deserves.
#[derive(Default)]
pub(super) struct Ghosts {
    /// Sixteen bits of a hash, then the time at which it entered.
    buckets: Box<[[u32; WAYS]]>,
    /// How many are remembered.
    room: usize,
    /// How many enter before the time moves on.
    step: usize,
    entered: usize,
    now: u16,
}

impl Ghosts {
    /// Remembers about the last `room` keys.
    pub(super) fn of(room: usize) -> Self {
        let buckets = vec![[0; WAYS]; room.div_ceil(FILLED).max(1)].into();
        // Late enough that an empty place is old.
        Self { buckets, room, step: room.div_ceil(AGES).max(1), entered: 0, now: u16::MAX / 2 }
    }

    pub(super) const fn room(&self) -> usize {
        self.room
    }

    pub(super) fn insert(&mut self, hash: u64) {
        let now = self.now;
        let Some(bucket) = self.bucket(hash) else { return };
        if let Some(oldest) = bucket.iter_mut().max_by_key(|ghost| age(**ghost, now)) {
            *oldest = pack(hash, now);
        }
        self.entered += 1;
        if self.entered >= self.step {
            self.entered = 0;
            self.now = self.now.wrapping_add(1);
        }
    }

    /// Whether the key is remembered; then it is forgotten.
    pub(super) fn take(&mut self, hash: u64) -> bool {
        let (now, oldest) = (self.now, self.room / self.step.max(1));
        let Some(bucket) = self.bucket(hash) else { return false };
        let is_it = |ghost: u32| ghost >> 16 == pack(hash, 0) >> 16 && usize::from(age(ghost, now)) <= oldest;
        let found = bucket.iter_mut().find(|ghost| is_it(**ghost));
        found.map(|ghost| *ghost = pack(0, now.wrapping_add(1))).is_some()
    }

    fn bucket(&mut self, hash: u64) -> Option<&mut [u32; WAYS]> {
        let at = usize::try_from(((hash >> 32) * self.buckets.len() as u64) >> 32).ok()?;
        self.buckets.get_mut(at)
    }
}

const fn pack(hash: u64, time: u16) -> u32 {
    // The sixteen bits that a bucket is not chosen by.
    (((hash & 0xFFFF) as u32) << 16) | time as u32
}

const fn age(ghost: u32, now: u16) -> u16 {
    now.wrapping_sub((ghost & 0xFFFF) as u16)
}
