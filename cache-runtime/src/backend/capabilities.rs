//! What a backend says that it can promise.

use std::time::Duration;

/// What a backend can promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[non_exhaustive]
pub struct Capabilities {
    /// `increment`, `touch`, `compare_and_set` and `admit` are atomic under concurrent callers.
    pub atomic: bool,
    /// The shortest time to live that the engine keeps exactly.
    pub minimum_ttl: Duration,
    /// How soon a write is seen by everybody.
    pub consistency: Consistency,
    /// `read` gives leases and `fill` honours them: a value loaded before a change is never stored after it.
    pub leases: bool,
    /// `begin_write` keeps readers from filling until the write is over, even if the writer vanishes.
    pub barriers: bool,
    /// What an engine brings back that has lost changes, as from an old dump or after a failover, is not served.
    pub epoch: bool,
    /// Metadata is stored beside a value. Without it no `None`, no value of a version and no stale value is cached.
    pub metadata: bool,
    /// The bytes live in this process and in no other, and `subscribe` tells of every change before it returns,
    /// so that a typed tier before it stays coherent.
    pub in_process: bool,
    /// `watch` tells of every change soon after it, so that a typed tier before it is stale for a bounded time at most.
    pub pushes: bool,
    /// Concurrent `look`s share a round trip, those at one key are one, and each ends within its limit. A cached call then looks before it waits for
    /// another's load of its key; else it waits first, so that a key is asked for once.
    pub shared_looks: bool,
}

impl Capabilities {
    /// The least: nothing atomic, any time to live, writes seen at once by whoever reads after them.
    #[must_use]
    pub const fn basic() -> Self {
        Self {
            atomic: false,
            minimum_ttl: Duration::from_millis(1),
            consistency: Consistency::Linearizable,
            leases: false,
            barriers: false,
            epoch: false,
            metadata: true,
            in_process: false,
            pushes: false,
            shared_looks: false,
        }
    }

    /// Says that counters and compare-and-set are atomic.
    #[must_use]
    pub const fn with_atomic(mut self) -> Self {
        self.atomic = true;
        self
    }

    /// Says that `read`, `fill`, `begin_write` and `finish_write` keep their promises.
    #[must_use]
    pub const fn with_leases_and_barriers(mut self) -> Self {
        self.leases = true;
        self.barriers = true;
        self
    }

    /// Says that what the engine brings back after it has lost changes is not served.
    #[must_use]
    pub const fn with_epoch(mut self) -> Self {
        self.epoch = true;
        self
    }

    /// Says that no metadata is stored beside a value.
    #[must_use]
    pub const fn without_metadata(mut self) -> Self {
        self.metadata = false;
        self
    }

    /// Says that the bytes live in this process only.
    #[must_use]
    pub const fn with_in_process(mut self) -> Self {
        self.in_process = true;
        self
    }

    /// Says that `watch` keeps its promise.
    #[must_use]
    pub const fn with_pushes(mut self) -> Self {
        self.pushes = true;
        self
    }

    /// Says that concurrent `look`s share a round trip.
    #[must_use]
    pub const fn with_shared_looks(mut self) -> Self {
        self.shared_looks = true;
        self
    }

    /// Says how soon a write is seen by everybody.
    #[must_use]
    pub const fn with_consistency(mut self, consistency: Consistency) -> Self {
        self.consistency = consistency;
        self
    }

    /// Says what the shortest exact time to live is.
    #[must_use]
    pub const fn with_minimum_ttl(mut self, ttl: Duration) -> Self {
        self.minimum_ttl = ttl;
        self
    }
}

/// How soon a write is seen by everybody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Consistency {
    /// At once: a read that starts after a write returned sees it or a later one.
    Linearizable,
    /// Within about the given time.
    Eventual(Duration),
}
