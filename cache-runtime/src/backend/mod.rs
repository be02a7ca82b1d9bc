//! Where the bytes live: the [`Backend`] trait, and what stands behind it.

mod capabilities;
#[cfg(all(feature = "cloudflare", not(target_family = "wasm")))]
mod cloudflare;
#[cfg(feature = "contract-tests")]
pub mod contract;
pub(crate) mod cursor;
pub(crate) mod limits;
mod local;
mod looking;
mod native;
mod pushes;
mod quota;
#[cfg(all(feature = "redis", not(target_family = "wasm")))]
mod redis;
#[cfg(any(feature = "cloudflare", feature = "worker"))]
pub(crate) mod stamp;
#[cfg(all(feature = "worker", any(test, target_family = "wasm")))]
mod worker;

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

#[cfg(all(feature = "cloudflare", not(target_family = "wasm")))]
pub use self::cloudflare::{CloudflareBackend, CloudflareBackendBuilder};
#[cfg(all(feature = "redis", not(target_family = "wasm")))]
pub use self::redis::{PlainRedisBackend, RedisBackend, RedisBackendBuilder};
#[cfg(all(feature = "worker", target_family = "wasm"))]
pub use self::worker::{KvUsage, WorkerBackend};
pub use capabilities::{Capabilities, Consistency};
pub use local::{LocalKvNamespace, LocalKvNamespaceBuilder};
pub use looking::Looking;
pub(crate) use native::collect;
pub use native::{ByteStream, Expiration, NativePut, StreamedEntry, ValueBody};
pub use pushes::Pushes;
pub(crate) use quota::Used;
pub use quota::{Decision, Quota};

use crate::clock::Clock;
use crate::error::BackendError;

/// A store of bytes under text keys, injected into a service as `Arc<dyn Backend>`.
///
/// Implement the five required methods and the cache works on it; override the provided ones where the engine
/// does better, and say so in [`capabilities`](Self::capabilities). The `contract-tests` feature has the suite
/// that every backend of this crate passes; run it on yours.
///
/// # Guarantees
///
/// - Keys are 1 to 512 bytes of UTF-8. A key is found under exactly the bytes that it was stored under.
/// - A value is never returned once its time to live is over.
/// - `put` replaces value, time to live and metadata together: a reader sees all of the old or all of the new.
/// - A missing key is `Ok(None)` or `Ok(false)`, never an error.
///
/// # Cancellation
///
/// Any future may be dropped at any await. The operation has then happened or has not, but never by half.
#[async_trait]
pub trait Backend: Send + Sync + 'static {
    /// A short name for errors, logs and metrics. Holds no address and no credential.
    fn name(&self) -> &'static str;

    /// What the engine can promise.
    fn capabilities(&self) -> Capabilities;

    /// Reads a value; `None` when it is not there or its time is over.
    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError>;

    /// Stores a value, with its time to live and metadata, over whatever was there. Under a barrier it stores
    /// nothing and says [`SetOutcome::Superseded`].
    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError>;

    /// Removes a key. Returns whether it was there, or `true` where the engine cannot tell.
    async fn delete(&self, key: &str) -> Result<bool, BackendError>;

    /// Lists keys that start with a prefix, in the byte order of their UTF-8, a page at a time.
    ///
    /// A key that is there throughout all the pages is listed once. A page may hold fewer keys than the limit,
    /// even none, and not be the last: the listing ends where the page has no cursor.
    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError>;

    /// Reads several values; the answer has one entry a key, in the order of the keys.
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        let mut entries = Vec::with_capacity(keys.len());
        for key in keys {
            entries.push(self.get(key).await?);
        }
        Ok(entries)
    }

    /// Stores several values. After an error some may be stored and others not.
    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        for (key, value, options) in entries {
            self.put(&key, value, options).await?;
        }
        Ok(())
    }

    /// Removes several keys. Returns how many were there, as far as the engine can tell.
    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        let mut removed = 0;
        for key in keys {
            removed += u64::from(self.delete(key).await?);
        }
        Ok(removed)
    }

    /// Removes every key that starts with `prefix`, however many. Returns how many were there.
    async fn delete_prefix(&self, prefix: &str) -> Result<u64, BackendError> {
        let mut removed = 0;
        let mut cursor = None;
        loop {
            let page = self.list(ListOptions { prefix: prefix.into(), limit: None, cursor }).await?;
            let names: Vec<&str> = page.keys.iter().map(|key| key.name.as_str()).collect();
            if !names.is_empty() {
                removed += self.delete_many(&names).await?;
            }
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(removed);
            }
        }
    }

    /// Adds `by` to the integer stored as decimal text under `key`, and returns the sum.
    ///
    /// A missing key counts as 0 and is created with `ttl_if_new`; an existing one keeps its time to live and
    /// its metadata. The provided version reads and then writes: two callers at once may lose one step, which
    /// [`Capabilities::atomic`] tells.
    ///
    /// # Errors
    ///
    /// [`BackendError::NotAnInteger`] and [`BackendError::CounterOverflow`] leave the value as it was.
    async fn increment(&self, key: &str, by: i64, ttl_if_new: Option<Duration>) -> Result<i64, BackendError> {
        let found = self.get(key).await?;
        let (sum, options) = add_to_counter(found.as_ref(), by, ttl_if_new)?;
        self.put(key, sum.to_string().into(), options).await?;
        Ok(sum)
    }

    /// Gives a stored value a new time to live (`None`: no end) and keeps it otherwise. Returns whether it was
    /// there.
    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        let Some(entry) = self.get(key).await? else { return Ok(false) };
        self.put(key, entry.value, PutOptions { ttl, metadata: entry.metadata }).await?;
        Ok(true)
    }

    /// Stores `new` if the value under `key` is `expected` (`None`: if the key is not there). Returns whether
    /// it did. The provided version is not atomic, which [`Capabilities::atomic`] tells.
    ///
    /// What is stored so is state, not a copy of something: it must outlive what makes copies doubtful, such as a
    /// restart of the engine from a dump.
    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        let found = self.get(key).await?;
        let same = found.as_ref().map(|entry| entry.value.as_ref()) == expected;
        if same {
            self.put(key, new, options).await?;
        }
        Ok(same)
    }

    /// Takes `cost` from the quota that is kept under `key`, if so much is left of it, and says so; else takes
    /// nothing. The time is the engine's, where several processes share it, so that their clocks may differ.
    ///
    /// What is kept always has an end: the time at which nothing is used any more. The key is for this method
    /// alone, and always with the same kind of quota. The provided version goes by
    /// [`compare_and_set`](Self::compare_and_set), and never admits more than the quota where that is atomic; it
    /// fails when others change the key all the time. Override it where the engine can do it in one step.
    async fn admit(&self, key: &str, cost: u32, quota: Quota) -> Result<Decision, BackendError> {
        quota::admit(self, key, cost, quota).await
    }

    /// Reads a value for the cached call, and where nothing is there takes the lease of the key: the right to
    /// fill it, which whatever changes the key takes away again.
    ///
    /// The provided version is for engines without leases: it reads, and a miss has no lease.
    async fn read(&self, key: &str) -> Result<Read, BackendError> {
        Ok(self.get(key).await?.map_or(Read::Miss(None), Read::Hit))
    }

    /// [`read`](Self::read) of several keys, in one round trip where the engine can; the answer has one item a key,
    /// in the order of the keys. After an error no lease is kept.
    async fn read_many(&self, keys: &[&str]) -> Result<Vec<Read>, BackendError> {
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            match self.read(key).await {
                Ok(read) => found.push(read),
                Err(error) => {
                    for (key, read) in keys.iter().zip(found) {
                        if let Read::Miss(Some(lease)) = read {
                            // One that cannot be given back ends by itself.
                            let _ = self.release(key, lease).await;
                        }
                    }
                    return Err(error);
                }
            }
        }
        Ok(found)
    }

    /// Reads a value for a cached call that neither leads a load of the key nor has joined one. Takes no lease; what
    /// is no value that such a call could use (a barrier, another reader's lease) is nothing.
    ///
    /// The provided version is [`get`](Self::get). Override it where concurrent looks can share a round trip, and say
    /// so by [`Capabilities::with_shared_looks`]; then it ends by itself when `limit` is over, so that those who look
    /// together can share a timer, too. Else whoever calls sees to that.
    fn look<'a>(&'a self, key: &'a str, limit: Duration) -> Looking<'a> {
        let _ = limit;
        Looking::new(self.get(key))
    }

    /// [`look`](Self::look) of several keys; the answer has one item a key, in the order of the keys.
    async fn look_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        self.get_many(keys).await
    }

    /// [`read`](Self::read) of a key under which [`look`](Self::look) has just found nothing: where taking the lease
    /// tells of what is there by now, the value need not be asked for once more.
    async fn read_absent(&self, key: &str) -> Result<Read, BackendError> {
        self.read(key).await
    }

    /// Takes the lease of a key whose value was read and is of no use (it does not decode, or is of an older
    /// version), if it is still that value. `None` when it is not, or where the engine has no leases.
    async fn lease_over(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        let _ = (key, seen);
        Ok(None)
    }

    /// Takes the right to fill a key whose value was read and may soon be replaced, while the value stays and is
    /// read as before. One reader has it at a time: another gets `None` until it is used, given back or over. Like
    /// a lease it is destroyed by whatever changes the key, and it ends with the value. `None`, too, when the value
    /// is not the one that was read, or where the engine has no leases; one that has them must do this as well.
    async fn refresh_lease(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        let _ = (key, seen);
        Ok(None)
    }

    /// Stores a loaded value, if the lease still holds. Returns whether it did. Without leases it just stores.
    async fn fill(
        &self,
        key: &str,
        lease: Option<Lease>,
        value: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        let _ = lease;
        Ok(self.put(key, value, options).await? == SetOutcome::Stored)
    }

    /// Gives a lease back without a value, so that the next reader may load.
    async fn release(&self, key: &str, lease: Lease) -> Result<(), BackendError> {
        let _ = (key, lease);
        Ok(())
    }

    /// Opens a barrier on keys whose source is about to be written: their values and leases go, and until
    /// [`finish_write`](Self::finish_write) or the end of `life` nobody fills them. A writer that vanishes
    /// leaves only the barrier, which ends by itself. `None` where the engine has no barriers.
    async fn begin_write(&self, keys: &[&str], life: Duration) -> Result<Option<WriteToken>, BackendError> {
        let _ = (keys, life);
        Ok(None)
    }

    /// Lets the barrier of a write stand for another `life` from now, on each of the keys where it still does, and
    /// brings none back. Returns on how many; 0 where the engine has no barriers.
    async fn renew_write(
        &self,
        keys: &[&str],
        token: WriteToken,
        life: Duration,
    ) -> Result<u64, BackendError> {
        let _ = (keys, token, life);
        Ok(0)
    }

    /// Ends a write: takes the writer's barrier away from the keys and removes their values and leases.
    ///
    /// `update` is the new value of the one key in `keys`: stored instead of nothing, but only if this was the
    /// only writer of the key from its `begin_write` until now (another one, even if it is over, may have
    /// written the source later). Returns whether it was stored.
    ///
    /// With no token (an engine without barriers) it stores the update, or deletes the keys.
    async fn finish_write(
        &self,
        keys: &[&str],
        token: Option<WriteToken>,
        update: Option<(Bytes, PutOptions)>,
    ) -> Result<bool, BackendError> {
        let _ = token;
        if let (Some((value, options)), [key]) = (update, keys) {
            return Ok(self.put(key, value, options).await? == SetOutcome::Stored);
        }
        self.delete_many(keys).await?;
        Ok(false)
    }

    /// Reads a value as a stream of its bytes, for one that is large. `cache_ttl` says for how long a copy near the
    /// reader may be served, where the engine keeps such copies. The provided version reads all of it.
    async fn get_stream(
        &self,
        key: &str,
        cache_ttl: Option<Duration>,
    ) -> Result<Option<StreamedEntry>, BackendError> {
        let _ = cache_ttl;
        Ok(self.get(key).await?.map(StreamedEntry::from))
    }

    /// Stores a value for [`KvNamespace`](crate::KvNamespace): by the engine's own rules of expiry and exactly with
    /// the metadata that is given. The provided version is a [`put`](Self::put).
    async fn put_native(
        &self,
        key: &str,
        value: ValueBody,
        options: NativePut,
    ) -> Result<SetOutcome, BackendError> {
        let ttl = options.expiration.to_ttl(&self.clock())?;
        self.put(key, value.collect().await?, PutOptions { ttl, metadata: options.metadata }).await
    }

    /// The clock that the engine's times are told by; the machine's, where it has none of its own.
    fn clock(&self) -> Clock {
        Clock::system()
    }

    /// Asks to be told, before the change returns, of every key whose value is no longer the one that was read:
    /// put, deleted, counted, touched, barred; not filled, expired or evicted. Returns whether the engine does.
    fn subscribe(&self, sink: Weak<dyn InvalidationSink>) -> bool {
        let _ = sink;
        false
    }

    /// Asks to be told, soon after it, of every change of keys that start with the prefix and a colon, whoever makes it,
    /// and of the generations of the prefix's tags. The handle says whether all of it is heard. A store asks once for
    /// each prefix, with the same sink; `None` where the engine cannot tell, as [`Capabilities::pushes`] says.
    fn watch(&self, prefix: &str, sink: Weak<dyn InvalidationSink>) -> Option<Arc<Pushes>> {
        let _ = (prefix, sink);
        None
    }

    /// Tells every process that [watches](Self::watch) to drop its copies of these keys, which a barrier keeps from
    /// coming back, and waits until each has or can no longer serve them. Ends within a bound of its own.
    async fn recall(&self, keys: &[&str]) -> Result<(), BackendError> {
        let _ = keys;
        Ok(())
    }

    /// Asks the engine whether it serves.
    async fn health(&self) -> Result<(), BackendError> {
        self.get("cache-runtime.health").await.map(drop)
    }
}

/// What [`Backend::read`] found.
#[derive(Debug)]
#[non_exhaustive]
pub enum Read {
    /// A value.
    Hit(Entry),
    /// Nothing; the lease, where the engine has them, is the reader's.
    Miss(Option<Lease>),
    /// Nothing yet: another reader holds the lease and is loading. Load, do not fill.
    Leased,
    /// Nothing: somebody is writing the source, or no lease can be had. Load, do not fill.
    Barred,
}

/// The right to fill a key, given by [`Backend::read`] and good for one [`Backend::fill`].
#[derive(Debug, PartialEq, Eq)]
pub struct Lease(pub u128);

/// The right to end a barrier, given by [`Backend::begin_write`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteToken(pub u128);

/// Hears of changes, see [`Backend::subscribe`]. Called with the backend's own locks held: it must be quick and
/// must not call the backend.
pub trait InvalidationSink: Send + Sync {
    /// What was read under this full key may be out of date.
    fn changed(&self, key: &str);

    /// What was read under any key that starts with this may be out of date.
    fn changed_prefix(&self, prefix: &str);
}

/// A value as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The bytes.
    pub value: Bytes,
    /// How long it still lives; `None` when it has no end.
    pub expires_in: Option<Duration>,
    /// The JSON text that was stored beside it.
    pub metadata: Option<Arc<str>>,
    /// Tells this write of the key from every other one, for [`Backend::lease_over`]; 0 where there are no
    /// leases.
    pub revision: u64,
}

/// What goes with a value into the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// How long it lives; `None` for no end. Never zero.
    pub ttl: Option<Duration>,
    /// JSON text stored beside the value, at most 1,024 bytes.
    pub metadata: Option<Arc<str>>,
}

impl PutOptions {
    /// A time to live and no metadata.
    #[must_use]
    pub const fn with_ttl(ttl: Duration) -> Self {
        Self { ttl: Some(ttl), metadata: None }
    }
}

/// What became of a value that was to be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetOutcome {
    /// It is stored.
    Stored,
    /// Somebody is writing the source of this key (an `#[invalidates]` or `#[updates]` method is running), so
    /// that the value may be out of date already: it is not stored.
    Superseded,
}

/// Which keys to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOptions {
    /// What the keys start with; empty for all.
    pub prefix: String,
    /// The most keys in a page; `None` leaves it to the engine.
    pub limit: Option<usize>,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

/// A page of a listing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// The keys, in the byte order of their UTF-8.
    pub keys: Vec<ListedKey>,
    /// Where the next page starts; `None` when this was the last.
    pub cursor: Option<String>,
}

/// A key in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    /// The key.
    pub name: String,
    /// How long it still lives, where the engine tells and it has an end.
    pub expires_in: Option<Duration>,
    /// The JSON text that was stored beside the value, where the engine tells.
    pub metadata: Option<Arc<str>>,
}

/// The sum of a counter and a step, and how to store it: shared by every backend that counts by itself.
pub(crate) fn add_to_counter(
    found: Option<&Entry>,
    by: i64,
    ttl_if_new: Option<Duration>,
) -> Result<(i64, PutOptions), BackendError> {
    let Some(entry) = found else { return Ok((by, PutOptions { ttl: ttl_if_new, metadata: None })) };
    let text = std::str::from_utf8(&entry.value).map_err(|_| BackendError::NotAnInteger)?;
    let value: i64 = text.parse().map_err(|_| BackendError::NotAnInteger)?;
    // What Redis takes for an integer: no sign before a positive, no leading zero.
    if itoa::Buffer::new().format(value) != text {
        return Err(BackendError::NotAnInteger);
    }
    let sum = value.checked_add(by).ok_or(BackendError::CounterOverflow)?;
    Ok((sum, PutOptions { ttl: entry.expires_in, metadata: entry.metadata.clone() }))
}
