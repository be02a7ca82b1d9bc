//! Cloudflare KV as its locations see it: a write is seen at once where it was made, and elsewhere later.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::chance::Chance;
use crate::backend::limits::{self, Request};
use crate::backend::stamp::{self, Stamped, Told};
use crate::backend::{
    Backend, Capabilities, Consistency, Entry, ListOptions, ListPage, ListedKey, NativePut, PutOptions,
    SetOutcome, StreamedEntry, ValueBody, cursor,
};
use crate::clock::Clock;
use crate::error::BackendError;

/// How often Cloudflare lets a key be written.
const BETWEEN_WRITES: Duration = Duration::from_secs(1);

/// A Cloudflare KV namespace that does not exist: what each of Cloudflare's locations would see of it, on a clock that
/// a test moves. Clones share it.
///
/// - **A change is seen at once at the [location](Self::location) that made it, and elsewhere after the window**, 60
///   seconds: a value, a deletion, that a key was not there, and that KV has dropped a value whose time was over. With
///   [`by_chance`](EdgeNetworkBuilder::by_chance) each change takes a time of its own to each location, up to the
///   window. The last write of a key wins.
/// - **A key takes one write a second**, from wherever; another is refused, as by Cloudflare, with the status 429.
/// - **KV keeps a value for a minute or longer.** A [`Backend`]'s shorter time to live stands beside the value, as on
///   Cloudflare; a [`KvNamespace`](crate::KvNamespace) is refused one. The other limits and their words are Cloudflare's
///   too, and there are no leases, no barriers and no atomic counters.
///
/// There with the feature `cloudflare` or `worker`.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use cache_runtime::KvCacheService;
/// use cache_runtime::testing::{EdgeNetwork, ManualClock};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_runtime::Result<()> {
/// let time = ManualClock::new();
/// let network = EdgeNetwork::builder().clock(time.clock()).build();
/// let service = |location| KvCacheService::builder(Arc::new(network.location(location))).build();
/// let (oslo, lima) = (service("Oslo")?, service("Lima")?);
///
/// let _ = oslo.set("greeting", &1, 300).await?;
/// time.advance(Duration::from_secs(59));
/// assert_eq!(oslo.get::<u8>("greeting").await?, Some(1));
/// assert_eq!(lima.get::<u8>("greeting").await?, None);
/// time.advance(Duration::from_secs(1));
/// assert_eq!(lima.get::<u8>("greeting").await?, Some(1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct EdgeNetwork(Arc<Network>);

struct Network {
    clock: Clock,
    window: Duration,
    /// The seed of the delays; without one each is the whole window.
    seed: Option<u64>,
    limits_writes: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    locations: Vec<String>,
    keys: BTreeMap<String, Vec<Change>>,
    /// The number of the newest change.
    changes: u64,
    /// What reads with a `cache_ttl` have left at a location, and when.
    copies: HashMap<(usize, String), (Duration, Option<Stored>)>,
}

/// A change of a key.
struct Change {
    number: u64,
    location: usize,
    at: Duration,
    /// `None`: it is deleted.
    stored: Option<Stored>,
}

/// What KV has under a key.
#[derive(Clone)]
struct Stored {
    value: Bytes,
    metadata: Option<Arc<str>>,
    /// The second of the Unix calendar at which KV drops it.
    end: Option<u64>,
}

impl EdgeNetwork {
    /// Starts an empty namespace on the system clock, with a window of 60 seconds.
    pub fn builder() -> EdgeNetworkBuilder {
        EdgeNetworkBuilder {
            clock: Clock::system(),
            window: Duration::from_mins(1),
            seed: None,
            limits_writes: true,
        }
    }

    /// The namespace as it is seen from a location. The same name is the same location.
    #[must_use]
    pub fn location(&self, name: &str) -> EdgeLocation {
        let mut state = self.0.lock();
        let found = state.locations.iter().position(|known| known == name);
        let number = found.unwrap_or_else(|| {
            state.locations.push(name.into());
            state.locations.len() - 1
        });
        drop(state);
        EdgeLocation { network: Arc::clone(&self.0), number }
    }
}

impl fmt::Debug for EdgeNetwork {
    /// Shows no keys and no values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EdgeNetwork").field("window", &self.0.window).finish_non_exhaustive()
    }
}

/// Builds an [`EdgeNetwork`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct EdgeNetworkBuilder {
    clock: Clock,
    window: Duration,
    seed: Option<u64>,
    limits_writes: bool,
}

impl EdgeNetworkBuilder {
    /// Takes the time from `clock` instead of the system's.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How long a change takes at most to be seen everywhere, instead of 60 seconds.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Lets each change take a time of its own to each location, up to the window: the same for the same seed.
    pub fn by_chance(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Lets a key be written as often as one likes.
    pub fn without_write_limit(mut self) -> Self {
        self.limits_writes = false;
        self
    }

    /// The namespace, empty.
    #[must_use]
    pub fn build(self) -> EdgeNetwork {
        let Self { clock, window, seed, limits_writes } = self;
        EdgeNetwork(Arc::new(Network { clock, window, seed, limits_writes, state: Mutex::default() }))
    }
}

impl Network {
    /// The state, also after a panic: nothing that may panic stands between two parts of a change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long a change takes to be seen at a location.
    fn delay(&self, change: &Change, location: usize) -> Duration {
        let Some(seed) = self.seed.filter(|_| change.location != location) else {
            return if change.location == location { Duration::ZERO } else { self.window };
        };
        let place = change.number.rotate_left(20) ^ location as u64;
        let parts = Chance::new(seed ^ place).draw() % 1_001;
        self.window * u32::try_from(parts).unwrap_or_default() / 1_000
    }

    /// What a location sees of a key's changes.
    fn seen<'a>(&self, changes: &'a [Change], location: usize) -> Option<&'a Stored> {
        let (now, today) = (self.clock.now(), self.clock.unix_time());
        let is_seen = |change: &&Change| change.at + self.delay(change, location) <= now;
        let change = changes.iter().rev().find(is_seen)?;
        let lives = |stored: &&Stored| {
            stored.end.is_none_or(|end| today < Duration::from_secs(end) + self.delay(change, location))
        };
        change.stored.as_ref().filter(lives)
    }

    /// Makes a change.
    fn change(
        &self,
        location: usize,
        request: Request,
        key: &str,
        stored: Option<Stored>,
    ) -> Result<(), BackendError> {
        let now = self.clock.now();
        let mut state = self.lock();
        state.changes += 1;
        let change = Change { number: state.changes, location, at: now, stored };
        let changes = state.keys.entry(key.into()).or_default();
        if self.limits_writes && changes.last().is_some_and(|last| now < last.at + BETWEEN_WRITES) {
            let words = format!("too many requests: KV {} failed: 429 Too Many Requests", request.name());
            return Err(BackendError::Unavailable(words.into()));
        }
        changes.push(change);
        // What everybody sees hides what was before it.
        let hidden = changes.iter().rposition(|change| change.at + self.window <= now).unwrap_or(0);
        changes.drain(..hidden);
        state.copies.remove(&(location, key.into()));
        Ok(())
    }
}

/// A Cloudflare KV namespace as one of Cloudflare's locations sees it; see [`EdgeNetwork`].
#[derive(Clone)]
pub struct EdgeLocation {
    network: Arc<Network>,
    number: usize,
}

impl EdgeLocation {
    fn seen(&self, key: &str) -> Result<Option<Stored>, BackendError> {
        Request::Get.check_key(key)?;
        let state = self.network.lock();
        let changes = state.keys.get(key).map_or(&[][..], Vec::as_slice);
        Ok(self.network.seen(changes, self.number).cloned())
    }

    /// An entry, unless its time is over by its own mark: like the binding of a Worker, a read does not tell KV's.
    fn entry(&self, stored: Option<Stored>) -> Result<Option<Entry>, BackendError> {
        let Some(Stored { value, metadata, .. }) = stored else { return Ok(None) };
        let told = Told::by(metadata.as_deref());
        let Ok(expires_in) = told.expires_in(None, &self.network.clock) else { return Ok(None) };
        Ok(Some(Entry { value: told.bytes(value)?, expires_in, metadata: told.metadata, revision: 0 }))
    }

    fn store(
        &self,
        key: &str,
        value: Bytes,
        metadata: Option<Arc<str>>,
        ttl: Option<Duration>,
    ) -> Result<SetOutcome, BackendError> {
        let end = ttl.map(|ttl| self.network.clock.unix_time().saturating_add(ttl).as_secs());
        self.network.change(self.number, Request::Put, key, Some(Stored { value, metadata, end }))?;
        Ok(SetOutcome::Stored)
    }
}

#[async_trait]
impl Backend for EdgeLocation {
    fn name(&self) -> &'static str {
        "edge"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic().with_consistency(Consistency::Eventual(self.network.window))
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        self.entry(self.seen(key)?)
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        Request::Put.check_key(key)?;
        let Stamped { text, metadata, ttl } =
            stamp::stamp(&value, options.metadata.as_deref(), options.ttl, &self.network.clock)?;
        self.store(key, text, metadata.map(Into::into), ttl.map(Duration::from_secs))
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        Request::Delete.check_key(key)?;
        self.network.change(self.number, Request::Delete, key, None)?;
        // Whether it was there KV does not say.
        Ok(true)
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        let ListOptions { prefix, limit, cursor } = options;
        Request::Get.check_length(&prefix)?;
        let size = limits::page_size(limit, true)?;
        let after = match cursor.filter(|cursor| !cursor.is_empty()) {
            None => None,
            // A cursor that is of another prefix, or none at all, is the end of the listing.
            Some(cursor) => match cursor::decode(&cursor).filter(|key| key.starts_with(&prefix)) {
                None => return Ok(ListPage::default()),
                key => key,
            },
        };
        let from = after.as_deref().map_or(Bound::Included(prefix.as_str()), Bound::Excluded);
        let state = self.network.lock();
        let below = state.keys.range::<str, _>((from, Bound::Unbounded));
        let mut seen = below.take_while(|(key, _)| key.starts_with(&prefix)).filter_map(|(key, changes)| {
            let stored = self.network.seen(changes, self.number)?;
            let told = Told::by(stored.metadata.as_deref());
            let expires_in = told.expires_in(stored.end, &self.network.clock).ok()?;
            Some(ListedKey { name: key.clone(), expires_in, metadata: told.metadata })
        });
        let keys: Vec<ListedKey> = seen.by_ref().take(size).collect();
        let cursor = seen.next().and_then(|_| keys.last()).map(|last| cursor::encode(&last.name));
        Ok(ListPage { keys, cursor })
    }

    async fn get_stream(
        &self,
        key: &str,
        cache_ttl: Option<Duration>,
    ) -> Result<Option<StreamedEntry>, BackendError> {
        let seen = self.seen(key)?;
        let Some(cache_ttl) = cache_ttl else { return Ok(self.entry(seen)?.map(Into::into)) };
        let now = self.network.clock.now();
        let place = (self.number, key.to_owned());
        let mut state = self.network.lock();
        let copy =
            state.copies.get(&place).filter(|(at, _)| now < *at + cache_ttl).map(|(_, copy)| copy.clone());
        let found = copy.unwrap_or_else(|| {
            state.copies.insert(place, (now, seen.clone()));
            seen
        });
        drop(state);
        Ok(self.entry(found)?.map(Into::into))
    }

    async fn put_native(
        &self,
        key: &str,
        value: ValueBody,
        options: NativePut,
    ) -> Result<SetOutcome, BackendError> {
        let NativePut { expiration, metadata } = options;
        let value = value.collect().await?;
        limits::check_put(key, &value, &PutOptions { ttl: None, metadata: metadata.clone() })?;
        let ttl = limits::check_expiration(expiration, &self.network.clock, true)?;
        self.store(key, value, metadata, ttl)
    }

    fn clock(&self) -> Clock {
        self.network.clock.clone()
    }
}

impl fmt::Debug for EdgeLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.network.lock().locations.get(self.number).cloned();
        f.debug_struct("EdgeLocation").field("name", &name).finish_non_exhaustive()
    }
}
