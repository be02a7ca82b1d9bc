//! The server: one key and one tag's generation, and the commands that change them, each in one step.

/// A version of the source: each commit makes the next one.
pub(crate) type Version = u8;

/// Whose lease or barrier it is: a number that no other attempt has.
pub(crate) type Token = u8;

/// What stands under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Slot<T> {
    Absent,
    Lease(Token),
    Value(T),
    Refresh(Token, T),
    /// The writers as a set of bits.
    Barrier {
        writers: u8,
        contended: bool,
    },
}

/// A cached value with its envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Value {
    pub(crate) version: Version,
    pub(crate) generation: u8,
    pub(crate) epoch: u8,
    /// Who stored it: tells this write of the key from every other.
    pub(crate) by: Token,
    /// Past its time to live, and kept to be served while it is refreshed.
    pub(crate) stale: bool,
}

/// The generation of a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Generation {
    pub(crate) number: u8,
    pub(crate) epoch: u8,
}

/// The writer's bit in a barrier.
pub(crate) fn bit(writer: usize) -> u8 {
    1 << writer
}

impl<T: Copy> Slot<T> {
    /// `SET key lease NX`: whether the lease was taken.
    pub(crate) fn lease(&mut self, token: Token) -> bool {
        let absent = matches!(self, Self::Absent);
        if absent {
            *self = Self::Lease(token);
        }
        absent
    }

    /// `lease_over`: the lease in place of a value, if it is still the one that was read.
    pub(crate) fn lease_over(&mut self, token: Token, seen: impl Fn(&T) -> bool) -> bool {
        let same = matches!(self, Self::Value(value) if seen(value));
        if same {
            *self = Self::Lease(token);
        }
        same
    }

    /// `refresh_lease`: the right to replace a value that stays meanwhile.
    pub(crate) fn lease_beside(&mut self, token: Token, seen: impl Fn(&T) -> bool) -> bool {
        match *self {
            Self::Value(value) if seen(&value) => {
                *self = Self::Refresh(token, value);
                true
            }
            _ => false,
        }
    }

    /// `fill`: stores a value under a lease that still holds.
    pub(crate) fn fill(&mut self, token: Token, value: T) -> bool {
        let held = matches!(*self, Self::Lease(own) | Self::Refresh(own, _) if own == token);
        if held {
            *self = Self::Value(value);
        }
        held
    }

    /// `begin`: a barrier, in place of whatever was there or beside other writers.
    pub(crate) fn begin(&mut self, writer: usize) {
        *self = match *self {
            Self::Barrier { writers, contended } => {
                Self::Barrier { writers: writers | bit(writer), contended: contended || writers != 0 }
            }
            _ => Self::Barrier { writers: bit(writer), contended: false },
        };
    }

    /// `finish`: takes the writer's barrier away. The last one removes the key, or stores an update that nobody
    /// else has had a part in; with `alone` false, the update whoever else has.
    pub(crate) fn finish(&mut self, writer: usize, update: Option<T>, alone: bool) -> bool {
        match *self {
            Self::Barrier { writers, contended } => {
                let (found, left) = (writers & bit(writer) != 0, writers & !bit(writer));
                let clean = found && !contended || !alone;
                *self = match update {
                    _ if left != 0 => Self::Barrier { writers: left, contended: true },
                    Some(value) if clean => Self::Value(value),
                    _ => Self::Absent,
                };
            }
            _ => *self = update.filter(|_| !alone).map_or(Self::Absent, Self::Value),
        }
        matches!(self, Self::Value(_))
    }

    /// The end of a barrier whose writer is gone.
    pub(crate) fn lapse(&mut self, writer: usize) {
        if let Self::Barrier { writers, contended } = *self {
            let left = writers & !bit(writer);
            *self = if left == 0 { Self::Absent } else { Self::Barrier { writers: left, contended } };
        }
    }

    /// `delete`: removes all but a barrier.
    pub(crate) fn delete(&mut self) {
        *self = match *self {
            Self::Barrier { writers, .. } => Self::Barrier { writers, contended: true },
            _ => Self::Absent,
        };
    }

    /// Whether the server may give it up for room: a barrier that is evicted is not promised against.
    pub(crate) fn is_evictable(&self) -> bool {
        !matches!(self, Self::Absent | Self::Barrier { .. })
    }
}

/// What the server holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Server {
    pub(crate) key: Slot<Value>,
    pub(crate) tag: Slot<Generation>,
    pub(crate) epoch: u8,
    /// Every generation has a number of its own, as a random one has.
    generations: u8,
    /// What a restart would bring back.
    dump: Option<(Slot<Value>, Slot<Generation>)>,
}

impl Server {
    pub(crate) fn new() -> Self {
        Self { key: Slot::Absent, tag: Slot::Absent, epoch: 0, generations: 0, dump: None }
    }

    pub(crate) fn new_generation(&mut self, epoch: u8) -> Generation {
        self.generations += 1;
        Generation { number: self.generations, epoch }
    }

    pub(crate) fn save(&mut self) {
        self.dump = Some((self.key, self.tag));
    }

    pub(crate) fn has_dump(&self) -> bool {
        self.dump.is_some()
    }

    /// Killed, and started again from the dump: another history begins.
    pub(crate) fn restart(&mut self) {
        if let Some((key, tag)) = self.dump {
            (self.key, self.tag) = (key, tag);
            self.epoch += 1;
        }
    }
}
