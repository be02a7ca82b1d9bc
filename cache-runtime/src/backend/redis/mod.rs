//! Redis and Valkey: [`RedisBackend`].

mod address;
mod backend;
mod batch;
mod builder;
mod cluster;
mod connection;
mod dial;
mod entry;
mod errands;
mod fault;
mod flat;
mod held;
mod lanes;
mod listening;
mod listing;
mod live;
mod plain;
mod quota;
mod readers;
mod reads;
mod recall;
mod reply;
mod scripts;
mod sentinel;
mod servers;
mod state;
#[cfg(test)]
mod state_tests;
mod tokens;
mod tracking;
mod turns;
mod writes;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

pub use builder::RedisBackendBuilder;
pub use plain::PlainRedisBackend;

use crate::backend::Entry;
use crate::error::BackendError;
use crate::store::sync;
use batch::Reading;
use errands::{Fetch, Look};
use held::Held;
use lanes::Lanes;
use servers::Servers;
use tracking::Tracking;

/// A cache in Redis (7.0 or newer) or Valkey, shared by every process that connects to it.
///
/// Clones are handles to the same connection. It opens when it is needed, carries all commands of the process,
/// and opens again after it was lost; see [`RedisBackendBuilder`] for its limits. Needs a tokio runtime with time
/// and I/O.
///
/// # What stands under a key
///
/// The first byte tells: `V` a value in an envelope, `L` the lease of a reader that is loading, `R` a value that
/// is being refreshed, `B` the barrier of writers at work. Anything else is plain: a number that was put without
/// metadata (so that `INCRBY` counts it), or data of another program, which [`get`](crate::Backend::get) returns
/// as they are. Other programs see leases and barriers as keys that live some seconds.
///
/// # What is promised
///
/// - No read gives a value older than a write that was over before the read began: a reader's fill needs its
///   lease, which every change takes away, and a writer's barrier keeps others from filling until it is done,
///   or, if it died, until the barrier ends.
/// - A value from before a restart with an old dump or before a failover is a miss: each envelope names the
///   server's history (its `master_replid`). Where the server does not show it, a warning is logged once, and
///   this one promise is not kept. Plain numbers have no envelope.
/// - Counters, `compare_and_set`, `touch` and `admit` are atomic, and `admit` goes by the server's clock. What
///   `compare_and_set` and `admit` store has no envelope: it is state, and outlives a restart as the server does.
/// - Every call ends within the limits of [`connect_timeout`](RedisBackendBuilder::connect_timeout) and
///   [`command_timeout`](RedisBackendBuilder::command_timeout). A dead server costs a few calls that time; then
///   calls fail at once, and one at a time tries the server again.
///
/// A cluster does not tell its history, so that the second does not hold there; leases and barriers do.
///
/// A [local tier](crate::KvCacheServiceBuilder::local_tier) before it hears of every change by `CLIENT TRACKING`, on a
/// connection of its own, and serves nothing while that is silent for longer than the
/// [bound](RedisBackendBuilder::silence_bound).
///
/// Not promised: a writer that dies and whose barrier the server evicts too; what a primary cut off from its
/// replicas accepts and then loses.
///
/// # The server's settings
///
/// A user of its own needs no more than this (with the cache's prefix for `app`); the channels and what stands in the
/// last line are for a local tier and for `sync`:
///
/// ```text
/// ACL SETUSER cache on >password ~app:* resetchannels &app!* -@all +get +mget +set +setrange +getrange +incrby
///     +pttl +pexpire +persist +exists +unlink +type +scan +ping +time +info +hello +select +script|load +evalsha
///     +cluster|slots +asking
///     +client|tracking +subscribe +publish
/// ```
///
/// `KEYS`, `FLUSHDB` and `FLUSHALL` are never sent. For a cache set `maxmemory` and `maxmemory-policy
/// allkeys-lfu`.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
///
/// use cache_runtime::{KvCacheService, RedisBackend};
///
/// # async fn connect() -> cache_runtime::Result<()> {
/// let backend = RedisBackend::builder("redis://:password@127.0.0.1:6379/0").connect().await?;
/// let cache = KvCacheService::builder(Arc::new(backend)).prefix("app").build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedisBackend {
    servers: Arc<Servers>,
    held: Arc<Held>,
    looks: Arc<Lanes<Look>>,
    reads: Arc<Lanes<Fetch>>,
    /// Of what a look has found to be absent.
    absent: Arc<Lanes<Fetch>>,
    /// Where the server pushes.
    tracking: Option<Arc<Tracking>>,
}

/// A look, gathered with others.
pub(super) struct Gathering<'a>(Reading<'a, Look>);

impl Future for Gathering<'_> {
    type Output = Result<Option<Entry>, BackendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl RedisBackend {
    /// A backend at an address, not yet connected; see [`RedisBackendBuilder`].
    #[must_use]
    pub fn builder(url: &str) -> RedisBackendBuilder {
        RedisBackendBuilder::new(url)
    }

    fn new(servers: Servers, longest_load: Duration, silence_bound: Duration) -> Self {
        let servers = Arc::new(servers);
        let held = Held::new(&servers, longest_load);
        let fetch = |is_absent| {
            let fetch = || Fetch { servers: Arc::clone(&servers), held: Arc::clone(&held), is_absent };
            Lanes::new(&servers, fetch)
        };
        let looks = Lanes::new(&servers, || Look(Arc::clone(&servers)));
        let (reads, absent) = (fetch(false), fetch(true));
        let tracking = servers.only().map(|link| Arc::new(Tracking::new(Arc::clone(link), silence_bound)));
        Self { servers, held, looks, reads, absent, tracking }
    }

    async fn connected(self) -> crate::error::Result<Self> {
        let opened = self.servers.open().await.map_err(BackendError::from);
        opened.map_err(|error| error.during("connect", backend::NAME))?;
        Ok(self)
    }
}

impl fmt::Debug for RedisBackend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a password.
        formatter.debug_struct("RedisBackend").finish_non_exhaustive()
    }
}
