//! Going without the cache: for a call, for a while, or for good.

use std::future::Future;
use std::time::Duration;

use super::KvCacheService;
use crate::call;
use crate::error::Result;
use crate::store::{Inside, Way};

/// What was left when [`KvCacheService::close`] returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Unfinished {
    /// Invalidations that the backend has not taken. What they would have removed is served by other processes until
    /// its time to live is over.
    pub invalidations: usize,
    /// Background refreshes that still run.
    pub refreshes: usize,
}

impl Unfinished {
    /// Whether there is nothing left.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.invalidations == 0 && self.refreshes == 0
    }
}

impl KvCacheService {
    /// Makes the writes in `transaction` end together with it: when it returns `Ok`, what they made stale is
    /// invalidated; when it returns `Err`, that is dropped.
    ///
    /// So let it begin a transaction of your database, call methods that write, and commit. An `#[invalidates]` on its
    /// own ends when its method returns, which may be before the commit; a reader in between would load the old value
    /// and store it.
    ///
    /// - A write opens its barrier when it begins, as ever; keys of its result (`<ret.…>`) get theirs when its method
    ///   returns. All stand until the scope ends. A method that returned `Err` has perhaps written something: its
    ///   barrier stands as long, and its keys become stale with the others. Only `when = "always"` invalidates after a
    ///   rollback.
    /// - The value of an `#[updates]` is stored after the commit.
    /// - Reads inside are served from the cache, but not those of keys that were written inside: these load, and so
    ///   see what the transaction sees. What is loaded inside is stored nowhere and given to nobody else, since it may
    ///   be what only the transaction sees.
    /// - A scope inside a scope is a part of the outer one. If the inner one fails or is dropped, its keys become stale
    ///   with those of the outer one, and none of its values is stored.
    /// - It holds for calls of any cache that `transaction` awaits, not for tasks that it spawns.
    ///
    /// Barriers are renewed until the scope ends.
    ///
    /// # Errors
    ///
    /// Those of `transaction`.
    ///
    /// # Cancellation
    ///
    /// Dropped before its transaction is over, or if that panics, the barriers are left to end by themselves, after
    /// the write timeout ([`write_timeout`](crate::KvCacheServiceBuilder::write_timeout)): the source may yet be written. Dropped after the commit, it invalidates in the background.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_runtime::{KvCacheService, cached, invalidates};
    /// # use std::sync::atomic::{AtomicU64, Ordering};
    /// # struct Transaction<'a>(&'a AtomicU64, u64);
    /// # impl Transaction<'_> { fn commit(self) { self.0.store(self.1, Ordering::Relaxed) } }
    ///
    /// struct Accounts {
    ///     cache: KvCacheService,
    ///     balance: AtomicU64,
    /// }
    ///
    /// impl Accounts {
    ///     #[cached(key = "balance:<id>", ttl = 300)]
    ///     async fn balance(&self, id: u64) -> Result<u64, String> {
    ///         Ok(self.balance.load(Ordering::Relaxed))
    ///     }
    ///
    ///     #[invalidates("balance:<id>")]
    ///     async fn pay(&self, transaction: &mut Transaction<'_>, id: u64, amount: u64) -> Result<(), String> {
    ///         transaction.1 -= amount;
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), String> {
    /// # let accounts = Accounts { cache: KvCacheService::in_memory(), balance: AtomicU64::new(10) };
    /// assert_eq!(accounts.balance(7).await?, 10);
    /// let paid = accounts.cache.deferring(async {
    ///     let mut transaction = Transaction(&accounts.balance, 10);
    ///     accounts.pay(&mut transaction, 7, 3).await?;
    ///     // Another task that asks now is given the old balance, which is not stored.
    ///     transaction.commit();
    ///     Ok::<_, String>(())
    /// });
    /// paid.await?;
    /// assert_eq!(accounts.balance(7).await?, 7);
    /// # Ok(())
    /// # }
    /// ```
    pub fn deferring<T, E, F: Future<Output = Result<T, E>>>(
        &self,
        transaction: F,
    ) -> impl Future<Output = Result<T, E>> + use<T, E, F> {
        // Each future around another doubles it.
        call::deferring(self.clone(), Box::pin(transaction))
    }

    /// Awaits `calls` without reading the cache: what they ask for is loaded, and not stored. Writes inside go on as
    /// ever.
    ///
    /// It holds for calls of any cache that `calls` awaits, not for tasks that it spawns.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::convert::Infallible;
    /// # use cache_runtime::KvCacheService;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cache = KvCacheService::in_memory();
    /// let load = |number: u64| cache.get_or_load("number", 300, async move || Ok::<_, Infallible>(number));
    /// assert_eq!(load(1).await, Ok(1));
    /// assert_eq!(cache.bypass(load(2)).await, Ok(2));
    /// assert_eq!(load(3).await, Ok(1));
    /// # }
    /// ```
    pub fn bypass<F: Future>(&self, calls: F) -> impl Future<Output = F::Output> + use<F> {
        let calls = Box::pin(calls);
        async { Inside { bypass: true, ..Inside::here() }.run(calls).await }
    }

    /// Turns the cache off, for this service and all that share its backend with it, until [`enable`](Self::enable):
    /// for when what it serves is in doubt.
    ///
    /// Then every cached call loads for itself, and `get`, `get_many`, `exists`, `ttl` and `touch` find nothing. All else
    /// that changes the cache goes on: invalidations reach the backend as ever, and so do `set`, `delete`, `increment`
    /// and `clear`, so that nothing is stale when the cache is turned on again. `keys` and `scan` list what is stored:
    /// they serve no value, and who has a doubt wants to look. Other processes go on with theirs.
    pub fn disable(&self) {
        self.store().disable();
    }

    /// Turns the cache on again after [`disable`](Self::disable).
    pub fn enable(&self) {
        self.store().enable();
    }

    /// Whether the cache is turned off.
    #[must_use]
    pub fn is_disabled(&self) -> bool {
        self.store().is_disabled()
    }

    /// Asks the backend whether it serves, no longer than this service's timeout.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`](crate::CacheError::Backend).
    pub async fn health(&self) -> Result<()> {
        let asked = self.bounded(self.backend().health()).await;
        asked.map_err(|error| error.during("health", self.backend().name()))
    }

    /// Finishes what goes on in the background, for this service and all that share its backend with it: the
    /// invalidations that the backend refused are tried again, and no refresh is started any more. Returns what is left
    /// after `limit`.
    ///
    /// The cache may be used afterwards, for requests that are still under way.
    ///
    /// # Cancellation
    ///
    /// May be dropped, and called again.
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use cache_runtime::KvCacheService;
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let cache = KvCacheService::in_memory();
    /// // After the server has stopped:
    /// let left = cache.close(Duration::from_secs(5)).await;
    /// assert!(left.is_none(), "{left:?}");
    /// # }
    /// ```
    pub async fn close(&self, limit: Duration) -> Unfinished {
        self.store().close(limit).await;
        Unfinished {
            invalidations: self.pending_invalidations(),
            refreshes: self.store().refreshes.running(),
        }
    }

    /// Whether what the cache has under this key is not to be read here and now.
    pub(crate) fn bypasses(&self, full_key: &str) -> bool {
        let key = || full_key.strip_prefix(self.prefix().with_colon()).unwrap_or(full_key);
        let store = self.store();
        store.way(self.namespace(), key) == Way::Around || store.retries.bypasses(full_key)
    }
}
