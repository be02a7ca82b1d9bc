//! How a service is configured.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::{DEFAULT_PREFIX, DEFAULT_VALUE_LIMIT, Inner, KvCacheService};
use crate::backend::Backend;
use crate::clock::Clock;
use crate::codec::Codec;
use crate::error::{CacheError, Result};
use crate::key::Prefix;
use crate::store::{LocalTier, Store, refuses};

/// Configures a [`KvCacheService`]; see [`KvCacheService::builder`].
#[must_use]
pub struct KvCacheServiceBuilder {
    backend: Arc<dyn Backend>,
    prefix: Option<String>,
    codec: Codec,
    clock: Clock,
    local_tier: Option<LocalTier>,
    value_limit: usize,
    timeout: Duration,
    write_timeout: Duration,
    lease_wait: Duration,
    has_generation: bool,
}

impl KvCacheServiceBuilder {
    pub(super) fn new(backend: Arc<dyn Backend>) -> Self {
        Self {
            backend,
            prefix: None,
            codec: Codec::default(),
            clock: Clock::system(),
            local_tier: None,
            value_limit: DEFAULT_VALUE_LIMIT,
            timeout: Duration::from_secs(2),
            write_timeout: Duration::from_secs(30),
            lease_wait: Duration::from_secs(1),
            has_generation: false,
        }
    }

    /// The prefix of every key, `[A-Za-z0-9._-]{1,64}`; `app` if not given.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// How values become bytes; JSON if not given.
    pub fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// The clock; the machine's if not given.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// A typed tier in this process, before the backend: hits need neither a round trip nor a codec.
    ///
    /// On memory it is on if not given (100,000 entries), and coherent: whoever changes the backend is seen at
    /// once. Over any other backend it is off unless given.
    ///
    /// Over Redis and Valkey the server pushes every change to it, whoever makes it. A change by another process is
    /// seen after a few milliseconds as a rule, and at the latest after the time that
    /// `RedisBackendBuilder::silence_bound` sets (400 ms): a process that hears nothing for so long serves nothing
    /// from its tier. Changes by this process are seen at once, and those of a method with
    /// `#[invalidates(…, sync)]` by all before its body runs. Elsewhere the tier needs a
    /// [`local_ttl`](LocalTier::local_ttl). `LocalTier::new(0)` turns it off.
    pub fn local_tier(mut self, local_tier: LocalTier) -> Self {
        self.local_tier = Some(local_tier);
        self
    }

    /// The largest value in bytes, on writing and on reading; 25 MiB if not given.
    pub fn value_limit(mut self, bytes: usize) -> Self {
        self.value_limit = bytes;
        self
    }

    /// How long one operation of the backend may take; 2 s if not given.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long after the future of an `#[invalidates]` or `#[updates]` method was dropped its source may still be
    /// written; 30 s if not given. Must exceed the source's own statement timeout. While the method runs, its
    /// barrier is renewed each third of this time, and each 10 s at the least. An attribute may have its own:
    /// `write_timeout = "2m"`.
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.write_timeout = timeout;
        self
    }

    /// How long a call waits for the value that another process is loading, before it loads for itself without storing
    /// what it gets; 1 s if not given, and a quarter of a second inside another load. It asks every 5 to 50 ms.
    /// Only a backend with leases tells of such loads.
    pub fn lease_wait(mut self, limit: Duration) -> Self {
        self.lease_wait = limit;
        self
    }

    /// Gives the prefix a generation: all that methods cache carries it, as a tag, and
    /// [`invalidate_all`](KvCacheService::invalidate_all) ends it by one command, however many keys there are. Off
    /// if not given, since a read that the local tier does not answer looks at one more key, in the same round trip.
    ///
    /// It has to be the same in all services of a prefix: what one without it has stored is of no use to one with it,
    /// and is not ended.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use cache_runtime::{KvCacheService, LocalKvNamespace};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_runtime::Result<()> {
    /// let cache = KvCacheService::builder(Arc::new(LocalKvNamespace::new())).prefix_generation(true).build()?;
    /// let load = async |title: &str| Ok::<_, cache_runtime::CacheError>(title.to_owned());
    /// cache.get_or_load("project:7", 300, async || load("old").await).await?;
    /// cache.invalidate_all().await?;
    /// assert_eq!(cache.get_or_load("project:7", 300, async || load("new").await).await?, "new");
    /// # Ok(())
    /// # }
    /// ```
    pub fn prefix_generation(mut self, has_generation: bool) -> Self {
        self.has_generation = has_generation;
        self
    }

    /// Builds the service. Sends nothing to the backend.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidPrefix`]; [`CacheError::Configuration`] for a local tier over a backend that does not tell
    /// of others' changes, without a [`local_ttl`](LocalTier::local_ttl), and for a
    /// [`prefix_generation`](Self::prefix_generation) over one without metadata.
    pub fn build(self) -> Result<KvCacheService> {
        let prefix = Prefix::new(self.prefix.as_deref().unwrap_or(DEFAULT_PREFIX))?;
        if self.has_generation && !self.backend.capabilities().metadata {
            return Err(CacheError::Configuration(format!(
                "`{}` stores no metadata beside a value, where the generation of the prefix would stand; leave \
                 `prefix_generation` out, and `invalidate_all` removes each key",
                self.backend.name()
            )));
        }
        if let Some(reason) = self.local_tier.and_then(|tier| refuses(tier, &*self.backend)) {
            return Err(CacheError::Configuration(reason));
        }
        Ok(self.with_prefix(prefix))
    }

    /// Builds a service that was given no prefix.
    pub(super) fn finish(self) -> KvCacheService {
        self.with_prefix(Prefix::default())
    }

    fn with_prefix(self, prefix: Prefix) -> KvCacheService {
        let Self {
            backend,
            codec,
            clock,
            local_tier,
            value_limit,
            timeout,
            write_timeout,
            lease_wait,
            has_generation,
            prefix: _,
        } = self;
        let store = Store::new(backend, clock, local_tier, prefix.as_str());
        let namespace = store.namespace(prefix.as_str());
        KvCacheService(Arc::new(Inner {
            store,
            prefix,
            namespace,
            codec,
            value_limit,
            timeout,
            write_timeout,
            lease_wait,
            has_generation,
        }))
    }
}

impl fmt::Debug for KvCacheServiceBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvCacheServiceBuilder")
            .field("backend", &self.backend.name())
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
