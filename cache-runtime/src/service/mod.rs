//! The service: one prefix of a backend, with typed keys and values.

mod builder;
mod connect;
mod factory;
mod failsafe;
mod invalidation;
mod listing;
mod operations;

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

pub use builder::KvCacheServiceBuilder;
pub use factory::KvCacheServiceFactory;
pub use failsafe::Unfinished;

use crate::backend::{Backend, LocalKvNamespace, Looking};
use crate::clock::Clock;
use crate::codec::Codec;
use crate::error::{BackendError, Result};
use crate::key::{AsKey, Prefix};
use crate::rt;
use crate::store::Store;

/// The prefix of a service that was given none.
pub const DEFAULT_PREFIX: &str = "app";

/// The largest value of a service that was given no limit: 25 MiB, as on Cloudflare KV.
pub const DEFAULT_VALUE_LIMIT: usize = 25 * 1024 * 1024;

/// A cache: one prefix of a backend, with typed keys and values.
///
/// Cheap to clone (one `Arc`), `Send` and `Sync`. Put it into your service under the name `cache`, where the
/// attributes look for it, or use its methods by hand.
///
/// Errors of the backend come back from these methods; the attributes go on without the cache instead.
///
/// # Cancellation
///
/// Any future of this type may be dropped at any await: the operation has then happened or has not, but never by
/// half, except that of several keys (`set_many`, `delete_many`, `clear`) some may be done.
///
/// # Examples
///
/// ```
/// use cache_runtime::KvCacheService;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_runtime::Result<()> {
/// let cache = KvCacheService::in_memory();
/// cache.set("greeting", &"hello".to_owned(), 300).await?;
/// assert_eq!(cache.get::<String>("greeting").await?.as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KvCacheService(Arc<Inner>);

struct Inner {
    store: Arc<Store>,
    prefix: Prefix,
    namespace: u32,
    codec: Codec,
    value_limit: usize,
    timeout: Duration,
    write_timeout: Duration,
    lease_wait: Duration,
    has_generation: bool,
}

impl KvCacheService {
    /// A cache in this process's memory, with the prefix `app`.
    ///
    /// Each call makes a cache of its own; clone one to share it.
    #[must_use]
    pub fn in_memory() -> Self {
        KvCacheServiceBuilder::new(Arc::new(LocalKvNamespace::new())).finish()
    }

    /// A cache over `backend`, to be configured.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cache_runtime::{KvCacheService, LocalKvNamespace};
    ///
    /// # fn main() -> cache_runtime::Result<()> {
    /// let cache = KvCacheService::builder(Arc::new(LocalKvNamespace::new())).prefix("billing").build()?;
    /// assert_eq!(cache.prefix().as_str(), "billing");
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder(backend: Arc<dyn Backend>) -> KvCacheServiceBuilder {
        KvCacheServiceBuilder::new(backend)
    }

    /// The same cache with another prefix.
    fn with_prefix(&self, prefix: Prefix) -> Self {
        let Inner { store, codec, value_limit, timeout, write_timeout, lease_wait, has_generation, .. } =
            &*self.0;
        let namespace = store.namespace(prefix.as_str());
        Self(Arc::new(Inner {
            store: Arc::clone(store),
            prefix,
            namespace,
            codec: *codec,
            value_limit: *value_limit,
            timeout: *timeout,
            write_timeout: *write_timeout,
            lease_wait: *lease_wait,
            has_generation: *has_generation,
        }))
    }

    /// The prefix of this cache's keys.
    #[must_use]
    pub fn prefix(&self) -> &Prefix {
        &self.0.prefix
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.0.store.backend
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.store.clock
    }

    /// How many invalidations the backend refused that are still to be done. Their keys are not read from the
    /// cache meanwhile.
    #[must_use]
    pub fn pending_invalidations(&self) -> usize {
        self.0.store.retries.len()
    }

    /// The same cache under `<prefix>.<area>`: what stands there is none of this one's keys, and no `clear` of it
    /// takes it away.
    pub(crate) fn beside(&self, area: &str) -> Result<Self> {
        Ok(self.with_prefix(Prefix::new(&format!("{}.{area}", self.prefix()))?))
    }

    /// Waits until no process serves what it holds of these keys in a local tier, by the method of
    /// `#[invalidates(…, sync)]`: after a `set` or `delete` by hand, nobody reads an older value once this returns.
    /// At once over a backend without pushes.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`](crate::CacheError::InvalidKey). [`CacheError::Backend`](crate::CacheError::Backend) if
    /// nobody could be asked; it has then waited until no copy is served any more.
    pub async fn recall<K: AsKey>(&self, keys: impl IntoIterator<Item = K>) -> Result<()> {
        let full_keys = self.full_keys("recall", keys)?;
        if full_keys.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = full_keys.iter().map(String::as_str).collect();
        let backend = self.backend();
        backend.recall(&names).await.map_err(|error| error.during("recall", backend.name()))
    }

    #[inline]
    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.0.store
    }

    #[inline]
    pub(crate) fn namespace(&self) -> u32 {
        self.0.namespace
    }

    pub(crate) fn codec(&self) -> Codec {
        self.0.codec
    }

    pub(crate) fn value_limit(&self) -> usize {
        self.0.value_limit
    }

    pub(crate) fn write_timeout(&self) -> Duration {
        self.0.write_timeout
    }

    pub(crate) fn lease_wait(&self) -> Duration {
        self.0.lease_wait
    }

    /// Whether what is cached carries the generation of the whole prefix.
    pub(crate) fn has_generation(&self) -> bool {
        self.0.has_generation
    }

    /// Awaits an operation of the backend, no longer than this service's timeout.
    pub(crate) fn bounded<T>(
        &self,
        operation: impl Future<Output = Result<T, BackendError>> + Unpin,
    ) -> impl Future<Output = Result<T, BackendError>> {
        rt::within(&self.0.store.clock, self.0.timeout, operation)
    }

    /// Looks at a full key, no longer than this service's timeout.
    pub(crate) fn look<'a>(&'a self, full_key: &'a str) -> Looking<'a> {
        let look = self.backend().look(full_key, self.0.timeout);
        if self.0.store.shares_looks { look } else { Looking::new(Box::pin(self.bounded(look))) }
    }
}

impl fmt::Debug for KvCacheService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvCacheService")
            .field("backend", &self.0.store.backend.name())
            .field("prefix", &self.0.prefix)
            .field("codec", &self.0.codec)
            .finish_non_exhaustive()
    }
}
