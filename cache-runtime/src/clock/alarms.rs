//! Limits of time that are seldom reached: a table that the clock's thread looks through, so that an operation that ends in
//! time costs no timer of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::thread::{self, Apart};

/// How many locks the table is split over, by the thread that begins to wait.
const SHARDS: usize = 16;

/// Whom to wake when.
#[derive(Debug, Default)]
pub(super) struct Alarms([Apart<Shard>; SHARDS]);

#[derive(Debug)]
struct Shard {
    /// Nobody here is due before. Changed under the lock only.
    earliest: AtomicU64,
    slots: Mutex<Slots>,
}

#[derive(Debug, Default)]
struct Slots {
    entries: Vec<Option<Entry>>,
    free: Vec<usize>,
}

#[derive(Debug)]
struct Entry {
    due: u64,
    /// Taken when it is over.
    waker: Option<Waker>,
}

impl Default for Shard {
    fn default() -> Self {
        Self { earliest: AtomicU64::new(u64::MAX), slots: Mutex::default() }
    }
}

impl Shard {
    fn slots(&self) -> MutexGuard<'_, Slots> {
        // No foreign code runs under it but the clone of a waker, before anything is changed.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Alarms {
    /// Wakes those whose time is over.
    pub(super) fn ring(&self, now: u64) {
        for Apart(shard) in &self.0 {
            if shard.earliest.load(Ordering::Relaxed) > now {
                continue;
            }
            let mut over = Vec::new();
            let mut slots = shard.slots();
            let mut earliest = u64::MAX;
            for entry in slots.entries.iter_mut().flatten() {
                if entry.due <= now {
                    over.extend(entry.waker.take());
                } else {
                    earliest = earliest.min(entry.due);
                }
            }
            shard.earliest.store(earliest, Ordering::Relaxed);
            drop(slots);
            for waker in over {
                // An executor that panics must not stop the clock.
                let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
            }
        }
    }

    /// Sets an alarm, with the waker of who is to be woken.
    pub(super) fn set(&self, due: u64, waker: Waker) -> Place {
        let shard = thread::number() % SHARDS;
        let Apart(own) = &self.0[shard];
        let mut slots = own.slots();
        let entry = Some(Entry { due, waker: Some(waker) });
        let slot = if let Some(slot) = slots.free.pop() {
            slots.entries[slot] = entry;
            slot
        } else {
            slots.entries.push(entry);
            slots.entries.len() - 1
        };
        if due < own.earliest.load(Ordering::Relaxed) {
            own.earliest.store(due, Ordering::Relaxed);
        }
        Place { shard, slot }
    }

    /// Who is to be woken instead.
    fn wake_instead(&self, place: Place, waker: &Waker) {
        let mut slots = self.0[place.shard].0.slots();
        let Some(entry) = slots.entries.get_mut(place.slot).and_then(Option::as_mut) else { return };
        let before = match &entry.waker {
            Some(before) if before.will_wake(waker) => None,
            _ => entry.waker.replace(waker.clone()),
        };
        drop(slots);
        drop(before);
    }

    pub(super) fn clear(&self, place: Place) {
        let mut slots = self.0[place.shard].0.slots();
        let entry = slots.entries.get_mut(place.slot).and_then(Option::take);
        slots.free.push(place.slot);
        drop(slots);
        drop(entry);
    }
}

/// Where an alarm is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    shard: usize,
    slot: usize,
}

/// An alarm of somebody who waits; set when it is first polled.
pub(crate) struct Alarm<'c> {
    alarms: &'c Alarms,
    coarse: &'c AtomicU64,
    due: u64,
    place: Option<Place>,
}

impl<'c> Alarm<'c> {
    pub(super) fn new(alarms: &'c Alarms, coarse: &'c AtomicU64, length_ms: u64) -> Self {
        // Never early: the coarse reading may be about to move, and the length had a part of a millisecond more.
        let due = coarse.load(Ordering::Relaxed).saturating_add(length_ms).saturating_add(2);
        Self { alarms, coarse, due, place: None }
    }

    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<()> {
        match self.place {
            None => self.place = Some(self.alarms.set(self.due, context.waker().clone())),
            Some(place) => self.alarms.wake_instead(place, context.waker()),
        }
        // After the entry is there: who rings moves the clock first.
        if self.coarse.load(Ordering::Relaxed) >= self.due { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.alarms.clear(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
    use std::task::{Context, Wake, Waker};

    use super::{Alarm, Alarms};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_waits_is_woken_when_its_time_is_over_and_only_then() {
        let (alarms, coarse) = (Alarms::default(), AtomicU64::new(10));
        let at = |now| {
            coarse.store(now, Ordering::Relaxed);
            alarms.ring(now);
        };
        let counts = [(); 3].map(|()| Arc::new(Count::default()));
        let wakers = counts.clone().map(Waker::from);
        let woken = || counts.each_ref().map(|count| count.0.load(Ordering::Relaxed));
        let mut short = Alarm::new(&alarms, &coarse, 5);
        let mut long = Alarm::new(&alarms, &coarse, 50);
        assert!(short.poll(&Context::from_waker(&wakers[0])).is_pending());
        assert!(long.poll(&Context::from_waker(&wakers[1])).is_pending());
        at(15);
        assert_eq!(woken(), [0, 0, 0]);
        at(17);
        assert_eq!(woken(), [1, 0, 0]);
        assert!(short.poll(&Context::from_waker(&wakers[0])).is_ready());
        drop(short);
        // Another task has it now.
        assert!(long.poll(&Context::from_waker(&wakers[2])).is_pending());
        let mut gone = Alarm::new(&alarms, &coarse, 1);
        assert!(gone.poll(&Context::from_waker(&wakers[0])).is_pending());
        drop(gone);
        at(100);
        assert_eq!(woken(), [1, 0, 1]);
        assert!(long.poll(&Context::from_waker(&wakers[2])).is_ready());
    }
}
