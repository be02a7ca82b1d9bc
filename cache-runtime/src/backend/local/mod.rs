//! The backend in this process's memory.

mod backend;
mod guards;
mod sieve;
mod state;
#[cfg(not(target_family = "wasm"))]
mod sweeper;
#[cfg(target_family = "wasm")]
mod sweeper {
    /// There are no threads: what has expired goes with the next changes.
    pub(super) fn watch(_: std::sync::Weak<super::Shared>) {}
}
mod values;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use self::state::State;
use crate::clock::Clock;

/// How many expired entries each change removes beside its own work.
const PURGED_PER_CHANGE: usize = 16;

/// A key-value namespace in the memory of this process: what tests and single processes run on, and what stands
/// in for Cloudflare KV where there is none.
///
/// A handle: clones share one namespace, which ends with the last of them. Every operation is atomic and seen at
/// once by all; leases and barriers are those of the [`Backend`](crate::Backend) contract.
///
/// # Expiry
///
/// By the injected [`Clock`]'s monotonic time, to the nanosecond; a wall clock that is set back or forth changes
/// nothing. What has expired is not only hidden but removed: by the next few changes and by a thread that the
/// namespaces of the process share, about half a second later (on wasm32 by the changes alone).
///
/// # Capacity
///
/// Bounded by weight: 256 MiB unless the [builder](Self::builder) says otherwise. An entry weighs the bytes of
/// its key, value and metadata and 320 more for its places in the indexes. At the capacity the entries go that
/// SIEVE (NSDI 2024) chooses. A value that is heavier than the whole capacity is not stored, and the one before
/// it under the same key goes all the same. Barriers are never evicted.
///
/// # Limits
///
/// Cloudflare's on keys (1 to 512 bytes, not `.` or `..`), values (26,214,400 bytes) and metadata (1,024 bytes);
/// those on times to live and page sizes with [`cloudflare_limits`](LocalKvNamespaceBuilder::cloudflare_limits).
///
/// ```
/// use cache_runtime::{Backend, LocalKvNamespace, PutOptions};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let namespace = LocalKvNamespace::new();
/// namespace.put("greeting", "hello".into(), PutOptions::default()).await?;
/// let found = namespace.get("greeting").await?;
/// assert_eq!(found.map(|entry| entry.value), Some("hello".into()));
/// # Ok::<(), cache_runtime::BackendError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct LocalKvNamespace(Arc<Shared>);

/// What the clones share.
struct Shared {
    state: Mutex<State>,
    clock: Clock,
    capacity: usize,
    cloudflare: bool,
}

impl Shared {
    /// The state, also after a panic in a subscriber: subscribers are told of a key once its change is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LocalKvNamespace {
    /// An empty namespace of 256 MiB on the system clock.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Starts an empty namespace with a clock, a capacity or limits of its own.
    pub fn builder() -> LocalKvNamespaceBuilder {
        LocalKvNamespaceBuilder { clock: Clock::system(), capacity: 256 * 1024 * 1024, cloudflare: false }
    }

    /// Removes every value, lease and barrier whose time is over, and returns how many there were.
    ///
    /// They go by themselves too; this is for programs without threads and for tests.
    #[expect(clippy::must_use_candidate, reason = "called for what it does")]
    pub fn remove_expired(&self) -> usize {
        let mut state = self.0.lock();
        state.purge(self.0.clock.now(), usize::MAX)
    }

    /// The weight in bytes of everything held: values, leases, barriers, and what has expired but is not removed
    /// yet.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.0.lock().weight()
    }

    /// Reads the state as of now.
    fn look<T>(&self, operation: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut state = self.0.lock();
        operation(&mut state, self.0.clock.now())
    }

    /// Changes the state as of now, and sees to it that what expires is removed.
    fn change<T>(&self, operation: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut state = self.0.lock();
        let now = self.0.clock.now();
        state.purge(now, PURGED_PER_CHANGE);
        let result = operation(&mut state, now);
        if !state.swept && state.expects_expiry() {
            state.swept = true;
            sweeper::watch(Arc::downgrade(&self.0));
        }
        result
    }
}

impl Default for LocalKvNamespace {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LocalKvNamespace {
    /// Shows no keys and no values.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("LocalKvNamespace");
        shown.field("weight", &self.weight()).field("capacity", &self.0.capacity).finish_non_exhaustive()
    }
}

/// Builds a [`LocalKvNamespace`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct LocalKvNamespaceBuilder {
    clock: Clock,
    capacity: usize,
    cloudflare: bool,
}

impl LocalKvNamespaceBuilder {
    /// Takes the time from `clock` instead of the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Holds entries of at most this weight together, in bytes, instead of 256 MiB.
    pub fn capacity_bytes(mut self, bytes: usize) -> Self {
        self.capacity = bytes;
        self
    }

    /// Refuses, in Cloudflare's words, what Cloudflare KV refuses: times to live under 60 seconds and pages of
    /// more than 1,000 keys; and rounds times to live down to seconds as Cloudflare does.
    pub fn cloudflare_limits(mut self) -> Self {
        self.cloudflare = true;
        self
    }

    /// The namespace, empty.
    #[must_use]
    pub fn build(self) -> LocalKvNamespace {
        let Self { clock, capacity, cloudflare } = self;
        LocalKvNamespace(Arc::new(Shared {
            state: Mutex::new(State::new(capacity)),
            clock,
            capacity,
            cloudflare,
        }))
    }
}
