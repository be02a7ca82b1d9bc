//! The service's methods.

use std::future::Future;
use std::sync::Arc;

use futures_core::Stream;
use serde_core::Serialize;
use serde_core::de::DeserializeOwned;

use super::KvCacheService;
use super::listing::Keys;
use crate::backend::{Entry, PutOptions, SetOutcome};
use crate::call::{Policy, load_optional, load_shared, load_value, read_shared};
use crate::codec::Marks;
use crate::error::{BackendError, CacheError, Result};
use crate::key::{AsKey, IntoKey, RawKey};
use crate::pieces::next;
use crate::ttl::Ttl;
use crate::value::Value;

impl KvCacheService {
    /// Reads a value; `None` when it is not there, its time is over, or it is a cached "not there". A value that is
    /// kept past its time (`stale_if_error`, `stale_while_revalidate`) is not there either, here as in `get_many`,
    /// `exists`, `ttl`, `touch`, `keys` and `scan`.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`]; [`CacheError::Decode`] when the bytes are not a `V`, which stay as they are;
    /// [`CacheError::ValueTooLarge`]; [`CacheError::Backend`].
    pub async fn get<V: DeserializeOwned>(&self, key: impl IntoKey<V>) -> Result<Option<V>> {
        let full_key = self.full_key("get", key.key_text())?;
        if self.bypasses(&full_key) {
            return Ok(None);
        }
        let found = self.during("get", self.backend().get(&full_key)).await?;
        let found = self.unless_stale_by_tags("get", vec![found]).await?.pop().flatten();
        found.map_or(Ok(None), |entry| self.decode("get", &entry))
    }

    /// Reads a value by reference, for one that is expensive to clone: from the local tier, if it is there, without a
    /// clone and without asking the backend.
    ///
    /// It is the entry that methods which return a `V`, or an `Arc<V>`, share.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cache_runtime::KvCacheService;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_runtime::Result<()> {
    /// let cache = KvCacheService::in_memory();
    /// cache.set("report", &vec![0_u8; 100_000], 300).await?;
    /// let first = cache.get_shared::<Vec<u8>>("report").await?.expect("it was set");
    /// let second = cache.get_shared::<Vec<u8>>("report").await?.expect("it was set");
    /// assert!(Arc::ptr_eq(&first, &second));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_shared<V: Value>(&self, key: impl IntoKey<V>) -> Result<Option<Arc<V>>> {
        let full_key = self.full_key("get_shared", key.key_text())?;
        read_shared(self, &full_key, RawKey::from_text(key.key_text())).await
    }

    /// Reads several values, in the order of their keys, in one round trip where the backend can.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); one key's error is the error of all.
    pub async fn get_many<V: DeserializeOwned, K: IntoKey<V>>(
        &self,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<Option<V>>> {
        let full_keys = self.full_keys("get_many", keys)?;
        if full_keys.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<&str> = full_keys.iter().map(String::as_str).collect();
        let entries = self.during("get_many", self.backend().get_many(&names)).await?;
        let entries = self.unless_stale_by_tags("get_many", entries).await?;
        let decode = |(entry, full_key): (Option<Entry>, &String)| match entry {
            Some(entry) if !self.bypasses(full_key) => self.decode("get_many", &entry),
            _ => Ok(None),
        };
        entries.into_iter().zip(&full_keys).map(decode).collect()
    }

    /// Stores a value for `ttl` (seconds, a `Duration`, or [`Ttl::NEVER`]) over whatever is there.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`], [`CacheError::InvalidTtl`], [`CacheError::Encode`],
    /// [`CacheError::ValueTooLarge`]: nothing was stored. [`CacheError::Backend`].
    pub async fn set<V: Serialize>(
        &self,
        key: impl IntoKey<V>,
        value: &V,
        ttl: impl Into<Ttl>,
    ) -> Result<SetOutcome> {
        let full_key = self.full_key("set", key.key_text())?;
        let options = PutOptions { ttl: ttl.into().checked("set")?, metadata: None };
        let bytes = self.codec().encode(value, self.value_limit(), "set")?;
        let _changing = self.store().changing([full_key.as_str()]);
        self.during("set", self.backend().put(&full_key, bytes, options)).await
    }

    /// Stores several values for `ttl`. Nothing is sent unless every key and value is good.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set). After a [`CacheError::Backend`] some may be stored.
    pub async fn set_many<'v, V: Serialize + 'v, K: IntoKey<V>>(
        &self,
        entries: impl IntoIterator<Item = (K, &'v V)>,
        ttl: impl Into<Ttl>,
    ) -> Result<()> {
        let options = PutOptions { ttl: ttl.into().checked("set_many")?, metadata: None };
        let encode = |(key, value): (K, &V)| {
            let full_key = self.full_key("set_many", key.key_text())?;
            Ok((full_key, self.codec().encode(value, self.value_limit(), "set_many")?, options.clone()))
        };
        let entries = entries.into_iter().map(encode).collect::<Result<Vec<_>>>()?;
        if entries.is_empty() {
            return Ok(());
        }
        let _changing = self.store().changing(entries.iter().map(|(full_key, ..)| full_key.as_str()));
        self.during("set_many", self.backend().put_many(entries)).await
    }

    /// Removes a value. Returns whether it was there, as far as the backend can tell.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`], [`CacheError::Backend`].
    pub async fn delete(&self, key: impl AsKey) -> Result<bool> {
        let full_key = self.full_key("delete", key.key_text())?;
        let _changing = self.store().changing([full_key.as_str()]);
        self.during("delete", self.backend().delete(&full_key)).await
    }

    /// Removes several values. Returns how many were there, as far as the backend can tell.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`], then nothing was removed; [`CacheError::Backend`].
    pub async fn delete_many<K: AsKey>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64> {
        let full_keys = self.full_keys("delete_many", keys)?;
        if full_keys.is_empty() {
            return Ok(0);
        }
        let names: Vec<&str> = full_keys.iter().map(String::as_str).collect();
        let _changing = self.store().changing(names.iter().copied());
        self.during("delete_many", self.backend().delete_many(&names)).await
    }

    /// Whether a value is there. A cached "not there" is not.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`], [`CacheError::Backend`].
    pub async fn exists(&self, key: impl AsKey) -> Result<bool> {
        Ok(self.entry("exists", key.key_text()).await?.is_some())
    }

    /// How long a value still lives; `None` when it is not there.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`], [`CacheError::Backend`].
    pub async fn ttl(&self, key: impl AsKey) -> Result<Option<Ttl>> {
        let entry = self.entry("ttl", key.key_text()).await?;
        let left = entry.and_then(|entry| marks(&entry).fresh_for(entry.expires_in).ok());
        Ok(left.map(|left| left.map_or(Ttl::NEVER, Ttl::from_duration)))
    }

    /// Gives a value a new time to live, from now. Returns whether it was there. For how long a value is kept past that
    /// is read first: one that is replaced in between is kept as long as the one before.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`], [`CacheError::InvalidTtl`], [`CacheError::Backend`].
    pub async fn touch(&self, key: impl AsKey, ttl: impl Into<Ttl>) -> Result<bool> {
        let full_key = self.full_key("touch", key.key_text())?;
        let ttl = ttl.into().checked("touch")?;
        // The window in which the value is kept past its time comes on top.
        let Some(entry) = self.entry("touch", key.key_text()).await? else { return Ok(false) };
        let ttl = ttl.map(|ttl| ttl.saturating_add(marks(&entry).window()));
        let _changing = self.store().changing([full_key.as_str()]);
        self.during("touch", self.backend().touch(&full_key, ttl)).await
    }

    /// The keys that match a glob pattern, without the prefix, in byte order.
    ///
    /// The pattern is matched against the whole key: `*` is any text, `?` any character, `[a-z]` and `[^a-z]`
    /// one of or none of a set, and `\` makes the next character literal.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidPattern`], [`CacheError::Backend`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use cache_runtime::KvCacheService;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_runtime::Result<()> {
    /// let cache = KvCacheService::in_memory();
    /// cache.set("user:7:posts", &3, 60).await?;
    /// cache.set("user:7:name", &"Ada".to_owned(), 60).await?;
    /// assert_eq!(cache.keys("user:*:posts").await?, ["user:7:posts"]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn keys(&self, pattern: &str) -> Result<Vec<String>> {
        let mut scan = Keys::new(self, "keys", pattern);
        let mut keys = Vec::new();
        while let Some(key) = next(&mut scan).await {
            keys.push(key?);
        }
        Ok(keys)
    }

    /// The same as [`keys`](Self::keys), a page at a time: for more keys than one wants in memory.
    ///
    /// Ends after the first error.
    pub fn scan(&self, pattern: &str) -> impl Stream<Item = Result<String>> + Send + use<> {
        Keys::new(self, "scan", pattern)
    }

    /// Adds `by` to a counter and returns the sum. A missing counter counts as 0 and is created without an end;
    /// an existing one keeps its time to live.
    ///
    /// Atomic where the backend is ([`Capabilities::atomic`](crate::Capabilities::atomic)).
    ///
    /// # Errors
    ///
    /// [`CacheError::NotAnInteger`], [`CacheError::CounterOverflow`]: the value stays as it was.
    /// [`CacheError::InvalidKey`], [`CacheError::Backend`].
    pub async fn increment(&self, key: impl AsKey, by: i64) -> Result<i64> {
        self.add("increment", key.key_text(), by, Ttl::NEVER).await
    }

    /// The same as [`increment`](Self::increment), but a counter that it creates lives for `ttl`.
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment), and [`CacheError::InvalidTtl`].
    pub async fn increment_with_ttl(&self, key: impl AsKey, by: i64, ttl: impl Into<Ttl>) -> Result<i64> {
        self.add("increment_with_ttl", key.key_text(), by, ttl.into()).await
    }

    /// Takes `by` from a counter and returns the rest. Otherwise as [`increment`](Self::increment).
    ///
    /// # Errors
    ///
    /// As [`increment`](Self::increment).
    pub async fn decrement(&self, key: impl AsKey, by: i64) -> Result<i64> {
        const OPERATION: &str = "decrement";
        let negated = by
            .checked_neg()
            .ok_or(CacheError::CounterOverflow { operation: OPERATION, backend: self.backend().name() })?;
        self.add(OPERATION, key.key_text(), negated, Ttl::NEVER).await
    }

    /// Serves a value from the cache, or awaits `loader` and stores what it gives: `#[cached]` by hand.
    ///
    /// A cache that fails costs the load, never the call. An `Err` is not stored.
    ///
    /// # Errors
    ///
    /// Those of `loader`.
    ///
    /// # Cancellation
    ///
    /// `loader` runs in the caller's task: dropping the future drops it, and nothing is stored.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use cache_runtime::KvCacheService;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cache = KvCacheService::in_memory();
    /// for _ in 0..2 {
    ///     let answer = cache.get_or_load("answer", 300, async || Ok::<_, Infallible>(42)).await;
    ///     assert_eq!(answer, Ok(42));
    /// }
    /// # }
    /// ```
    pub async fn get_or_load<V: Value, E>(
        &self,
        key: impl IntoKey<V>,
        policy: impl Into<Policy<V>>,
        loader: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        load_value(self, RawKey::from_text(key.key_text()), policy.into(), loader()).await
    }

    /// The same as [`get_or_load`](Self::get_or_load) by reference, for a value that is expensive to clone: it is
    /// served from the local tier without a clone. It shares its entry with methods that return a `V`, or an `Arc<V>`.
    ///
    /// # Errors
    ///
    /// Those of `loader`.
    ///
    /// # Cancellation
    ///
    /// As [`get_or_load`](Self::get_or_load).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// use std::sync::Arc;
    /// use cache_runtime::KvCacheService;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Infallible> {
    /// let cache = KvCacheService::in_memory();
    /// let load = async || Ok::<_, Infallible>(vec![0_u8; 100_000]);
    /// let first: Arc<Vec<u8>> = cache.get_or_load_shared("report", 300, load).await?;
    /// let second = cache.get_or_load_shared("report", 300, load).await?;
    /// assert!(Arc::ptr_eq(&first, &second));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_or_load_shared<V: Value, E>(
        &self,
        key: impl IntoKey<V>,
        policy: impl Into<Policy<V>>,
        loader: impl AsyncFnOnce() -> Result<V, E>,
    ) -> Result<Arc<V>, E> {
        load_shared(self, RawKey::from_text(key.key_text()), policy.into(), loader()).await
    }

    /// The same as [`get_or_load`](Self::get_or_load) for a value that may not be there: a `None` is stored if the
    /// policy has a `none_ttl`.
    ///
    /// # Errors
    ///
    /// Those of `loader`.
    pub async fn get_or_load_optional<V: Value, E>(
        &self,
        key: impl IntoKey<V>,
        policy: impl Into<Policy<V>>,
        loader: impl AsyncFnOnce() -> Result<Option<V>, E>,
    ) -> Result<Option<V>, E> {
        load_optional(self, RawKey::from_text(key.key_text()), policy.into(), loader()).await
    }

    pub(crate) fn full_key(&self, operation: &'static str, key: &str) -> Result<String> {
        self.prefix().full(key).map(Into::into).map_err(|reason| CacheError::InvalidKey { operation, reason })
    }

    pub(super) fn full_keys<K: AsKey>(
        &self,
        operation: &'static str,
        keys: impl IntoIterator<Item = K>,
    ) -> Result<Vec<String>> {
        keys.into_iter().map(|key| self.full_key(operation, key.key_text())).collect()
    }

    /// Awaits an operation of the backend and names it in its error.
    pub(crate) async fn during<T>(
        &self,
        operation: &'static str,
        future: impl Future<Output = Result<T, BackendError>> + Unpin,
    ) -> Result<T> {
        self.bounded(future).await.map_err(|error| error.during(operation, self.backend().name()))
    }

    /// The entry under a key, unless it is a cached "not there" or not fresh.
    async fn entry(&self, operation: &'static str, key: &str) -> Result<Option<Entry>> {
        let full_key = self.full_key(operation, key)?;
        if self.bypasses(&full_key) {
            return Ok(None);
        }
        let entry = self.during(operation, self.backend().get(&full_key)).await?;
        let entry = self.unless_stale_by_tags(operation, vec![entry]).await?.pop().flatten();
        Ok(entry.filter(is_fresh_value))
    }

    /// Leaves out the entries of which a tag was invalidated.
    pub(crate) async fn unless_stale_by_tags(
        &self,
        operation: &'static str,
        mut entries: Vec<Option<Entry>>,
    ) -> Result<Vec<Option<Entry>>> {
        let marks: Vec<Marks> =
            entries.iter().map(|entry| entry.as_ref().map(marks).unwrap_or_default()).collect();
        if marks.iter().any(|marks| !marks.tags.is_empty()) {
            let holds = self.tags_hold(&marks).await;
            let holds = holds.map_err(|error| error.during(operation, self.backend().name()))?;
            for (entry, _) in entries.iter_mut().zip(holds).filter(|(_, holds)| !holds) {
                *entry = None;
            }
        }
        Ok(entries)
    }

    pub(crate) fn decode<V: DeserializeOwned>(
        &self,
        operation: &'static str,
        entry: &Entry,
    ) -> Result<Option<V>> {
        if !is_fresh_value(entry) {
            return Ok(None);
        }
        if entry.value.len() > self.value_limit() {
            return Err(CacheError::ValueTooLarge { operation, limit: self.value_limit() });
        }
        match self.codec().decode(&entry.value) {
            Some(value) => Ok(Some(value)),
            None => Err(CacheError::Decode {
                operation,
                backend: self.backend().name(),
                codec: self.codec().name(),
            }),
        }
    }

    async fn add(&self, operation: &'static str, key: &str, by: i64, ttl_if_new: Ttl) -> Result<i64> {
        let full_key = self.full_key(operation, key)?;
        let ttl_if_new = ttl_if_new.checked(operation)?;
        let _changing = self.store().changing([full_key.as_str()]);
        self.during(operation, self.backend().increment(&full_key, by, ttl_if_new)).await
    }
}

fn marks(entry: &Entry) -> Marks {
    Marks::from_metadata(entry.metadata.as_deref())
}

/// Whether it is neither a cached "not there" nor kept past its time to live.
fn is_fresh_value(entry: &Entry) -> bool {
    let marks = marks(entry);
    !marks.is_negative() && marks.fresh_for(entry.expires_in).is_ok()
}
