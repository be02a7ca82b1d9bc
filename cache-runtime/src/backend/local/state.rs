//! What a namespace holds, and the primitives that keep its four indexes in step.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;

use super::sieve::{Position, Sieve};
use crate::backend::{Entry, InvalidationSink};

/// What an entry weighs beside its key, value and metadata: its places in the four indexes, and the headers of
/// its allocations.
const OVERHEAD: usize = 320;

/// All of a namespace; whoever holds its lock sees every operation whole.
pub(super) struct State {
    /// Values, leases and barriers by key, in the byte order of UTF-8.
    pub(super) slots: BTreeMap<Arc<str>, Slot>,
    /// The end of each slot that has one.
    deadlines: BTreeSet<(Duration, Arc<str>)>,
    /// The keys that may be evicted: all but those under a barrier.
    pub(super) queue: Sieve,
    weight: usize,
    capacity: usize,
    /// The latest revision or token given; none is given twice, and 0 never.
    sequence: u64,
    sinks: Vec<Weak<dyn InvalidationSink>>,
    /// Whether the sweeper knows of this namespace.
    pub(super) swept: bool,
}

/// What stands under a key.
pub(super) struct Slot {
    pub(super) content: Content,
    pub(super) deadline: Option<Duration>,
    pub(super) position: Option<Position>,
    weight: usize,
}

/// The states of a key; a missing slot is the fourth.
pub(super) enum Content {
    Value(Value),
    /// A reader loads, and may fill with this token.
    Lease(u64),
    /// Writers are at work on the source. Contended once anybody else has changed or tried to change the key
    /// since the first of them began.
    Barrier {
        writers: Vec<Writer>,
        contended: bool,
    },
}

/// A stored value.
pub(super) struct Value {
    pub(super) bytes: Bytes,
    pub(super) metadata: Option<Arc<str>>,
    pub(super) revision: u64,
    /// The token of the reader who loads its successor, and until when only that one may.
    pub(super) refresh: Option<(u64, Duration)>,
}

/// A writer's share of a barrier.
#[derive(Clone, Copy)]
pub(super) struct Writer {
    pub(super) token: u128,
    pub(super) deadline: Duration,
}

impl Slot {
    pub(super) fn lives(&self, now: Duration) -> bool {
        self.deadline.is_none_or(|deadline| deadline > now)
    }

    pub(super) fn expires_in(&self, now: Duration) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_sub(now))
    }

    /// The value as a reader gets it.
    pub(super) fn entry(&self, now: Duration) -> Option<Entry> {
        let Content::Value(value) = &self.content else { return None };
        Some(Entry {
            value: value.bytes.clone(),
            expires_in: self.expires_in(now),
            metadata: value.metadata.clone(),
            revision: value.revision,
        })
    }
}

impl State {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            slots: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            queue: Sieve::default(),
            weight: 0,
            capacity,
            sequence: 0,
            sinks: Vec::new(),
            swept: false,
        }
    }

    /// The weight of all values, leases and barriers, in bytes.
    pub(super) fn weight(&self) -> usize {
        self.weight
    }

    /// Whether anything here will expire.
    pub(super) fn expects_expiry(&self) -> bool {
        !self.deadlines.is_empty()
    }

    pub(super) fn next_in_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence
    }

    /// What stands under a key, unless its time is over.
    pub(super) fn live(&self, key: &str, now: Duration) -> Option<&Slot> {
        self.slots.get(key).filter(|slot| slot.lives(now))
    }

    /// Removes whatever stands under a key, from every index.
    pub(super) fn remove(&mut self, key: &str) -> Option<(Arc<str>, Slot)> {
        let (key, slot) = self.slots.remove_entry(key)?;
        self.weight -= slot.weight;
        if let Some(position) = slot.position {
            self.queue.remove(position);
        }
        let Some(deadline) = slot.deadline else { return Some((key, slot)) };
        let index = (deadline, key);
        self.deadlines.remove(&index);
        Some((index.1, slot))
    }

    /// Puts `content` under a key in place of whatever stands there, and evicts others to make room. Returns
    /// whether it is there now: what is heavier than the capacity is not, but for a barrier, which always is.
    pub(super) fn replace(&mut self, key: &str, content: Content, deadline: Option<Duration>) -> bool {
        let old = self.remove(key);
        let size = match &content {
            Content::Value(value) => value.bytes.len() + value.metadata.as_deref().map_or(0, str::len),
            Content::Lease(_) => 0,
            Content::Barrier { writers, .. } => writers.len() * size_of::<Writer>(),
        };
        let weight = key.len() + size + OVERHEAD;
        let is_barrier = matches!(content, Content::Barrier { .. });
        if weight > self.capacity && !is_barrier {
            return false;
        }
        while self.weight > self.capacity.saturating_sub(weight) {
            let Some(victim) = self.queue.victim() else { break };
            self.remove(&victim);
        }
        if self.weight > self.capacity.saturating_sub(weight) && !is_barrier {
            // Barriers alone fill the capacity.
            return false;
        }

        // A value that is written again is a value in use; one that fills its lease has not been used yet.
        let used = matches!(&old, Some((_, Slot { content: Content::Value(_), .. })));
        let key = old.map_or_else(|| key.into(), |(key, _)| key);
        let position = (!is_barrier).then(|| self.queue.push(Arc::clone(&key), used));
        if let Some(deadline) = deadline {
            self.deadlines.insert((deadline, Arc::clone(&key)));
        }
        self.weight += weight;
        self.slots.insert(key, Slot { content, deadline, position, weight });
        true
    }

    /// Removes what has expired, the longest expired first and at most `most`. Returns how much it was.
    pub(super) fn purge(&mut self, now: Duration, most: usize) -> usize {
        for purged in 0..most {
            match self.deadlines.first() {
                Some((deadline, key)) if *deadline <= now => {
                    let key = Arc::clone(key);
                    self.remove(&key);
                }
                _ => return purged,
            }
        }
        most
    }

    /// Adds one to be told of changes.
    pub(super) fn subscribe(&mut self, sink: Weak<dyn InvalidationSink>) {
        self.tell(|_| ());
        self.sinks.push(sink);
    }

    /// Says that a key has changed.
    pub(super) fn tell_changed(&mut self, key: &str) {
        self.tell(|sink| sink.changed(key));
    }

    /// Says that any key with this prefix may have changed.
    pub(super) fn tell_changed_prefix(&mut self, prefix: &str) {
        self.tell(|sink| sink.changed_prefix(prefix));
    }

    /// Calls those who still listen and forgets the others.
    fn tell(&mut self, message: impl Fn(&dyn InvalidationSink)) {
        self.sinks.retain(|sink| sink.upgrade().map(|sink| message(&*sink)).is_some());
    }
}
