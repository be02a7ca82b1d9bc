//! Rate limits: so much of each caller in so much time.

#[cfg(feature = "tower")]
mod layer;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[cfg(feature = "tower")]
pub use layer::{RateLimitLayer, RateLimited};

use crate::backend::{Decision, Quota};
use crate::error::{CacheError, Result};
use crate::key::{KeyPart, Prefix, escaped};
use crate::seldom::Seldom;
use crate::service::KvCacheService;

/// The area beside a service's prefix: `app.rate`.
const AREA: &str = "rate";

/// Admits so many requests of each caller in so much time: by a counter for each window of time, or evenly (GCRA);
/// [`Quota`] says which.
///
/// A handle: clones share one limiter. Limiters of one name and prefix on one backend are one limiter, in however
/// many processes.
///
/// # What is promised
///
/// On memory and on Redis or Valkey, however many callers, tasks and processes there are at once:
///
/// - **Never more than the quota is admitted.** A check is one step of the engine, by the engine's own clock: clocks
///   of processes that differ change nothing.
/// - **Never less**, but for what was admitted to a caller who then did not hear of it: a future that is dropped, or
///   an answer that is lost on the way, may have taken its cost. A refused request takes nothing. The rounding of
///   times is that of [`Quota`].
/// - **Nothing is kept for ever.** What is stored for a caller is stored together with its end, whatever happens
///   to the one who asked.
///
/// On Redis, a server that loses its data or is restarted from a dump forgets what was used, and one whose clock is
/// set forward gives a smooth quota back sooner. Other backends that are atomic keep the promises by
/// compare-and-set, which gives up with an error where very many use one quota at once. Without atomic counters, as
/// on Cloudflare KV, only an [approximate](RateLimiterBuilder::approximate) limiter can be built.
///
/// What is used of a quota stands under `<prefix>.rate`, beside the service's own keys: `clear` leaves it. It passes
/// neither through the local tier nor through what the attributes need.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::{KvCacheService, Quota, RateLimiter};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_runtime::Result<()> {
/// let cache = KvCacheService::in_memory();
/// let logins = RateLimiter::new(&cache, "login", Quota::window(5, Duration::from_mins(15)))?;
///
/// for _ in 0..5 {
///     assert!(logins.check("ada@example.com").await?.allowed);
/// }
/// let decision = logins.check("ada@example.com").await?;
/// assert!(!decision.allowed);
/// assert!(decision.retry_after.is_some_and(|wait| wait <= Duration::from_mins(15)));
/// assert!(logins.check("bob@example.com").await?.allowed);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RateLimiter(Arc<Inner>);

struct Inner {
    cache: KvCacheService,
    name: String,
    /// What the keys start with: the kind of quota, since each keeps something else, and the name.
    head: String,
    quota: Quota,
    fail_open: bool,
    failures: AtomicU64,
    warned: Seldom,
}

impl RateLimiter {
    /// A limiter that answers with an error when the backend does; see [`builder`](Self::builder) for more.
    ///
    /// # Errors
    ///
    /// As [`RateLimiterBuilder::build`].
    pub fn new(cache: &KvCacheService, name: &str, quota: Quota) -> Result<Self> {
        Self::builder(cache, name, quota).build()
    }

    /// Configures a limiter on the backend of `cache`. The name tells it from the others of that service:
    /// `[A-Za-z0-9._-]{1,64}`.
    pub fn builder(cache: &KvCacheService, name: &str, quota: Quota) -> RateLimiterBuilder {
        let (cache, name) = (cache.clone(), name.to_owned());
        RateLimiterBuilder { cache, name, quota, fail_open: false, approximate: false }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The quota of each caller.
    #[must_use]
    pub fn quota(&self) -> Quota {
        self.0.quota
    }

    /// How many checks the backend has failed, in this process.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    /// Takes one from the caller's quota, if one is left. The id is escaped like a part of a key: no caller can use
    /// the quota of another.
    ///
    /// # Errors
    ///
    /// As [`check_n`](Self::check_n).
    ///
    /// # Cancellation
    ///
    /// As [`check_n`](Self::check_n).
    pub async fn check(&self, id: impl KeyPart) -> Result<Decision> {
        self.check_n(id, 1).await
    }

    /// Takes `cost` from the caller's quota, if so much is left; else nothing. A cost of 0 takes nothing, and tells
    /// how the quota stands.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`] where the id is longer than a key may be. [`CacheError::Backend`] where the backend
    /// fails or does not answer in the service's time, unless the limiter [fails
    /// open](RateLimiterBuilder::fail_open): then the request is admitted.
    ///
    /// # Cancellation
    ///
    /// The cost of a check that is dropped may have been taken. What is stored has an end all the same.
    pub async fn check_n(&self, id: impl KeyPart, cost: u32) -> Result<Decision> {
        const OPERATION: &str = "rate_limit.check";
        let inner = &*self.0;
        let key = inner.cache.full_key(OPERATION, &[&inner.head, escaped(&id).as_str()].concat())?;
        let decision =
            inner.cache.during(OPERATION, inner.cache.backend().admit(&key, cost, inner.quota)).await;
        decision.or_else(|error| inner.failed(error))
    }
}

impl Inner {
    /// What is said when nobody can tell.
    fn failed(&self, error: CacheError) -> Result<Decision> {
        self.failures.fetch_add(1, Ordering::Relaxed);
        if self.warned.may(self.cache.clock().now()) {
            let source = match &error {
                CacheError::Backend { source, .. } => source.to_string(),
                _ => String::new(),
            };
            let limiter = self.name.as_str();
            let outcome = if self.fail_open { "admitted" } else { "answered with an error" };
            tracing::warn!(limiter, %error, source, "a rate limit cannot be checked; its requests are {outcome}");
        }
        if !self.fail_open {
            return Err(error);
        }
        let limit = self.quota.limit();
        Ok(Decision {
            allowed: true,
            limit,
            remaining: limit,
            reset_after: Duration::ZERO,
            retry_after: None,
        })
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimiter")
            .field("backend", &self.0.cache.backend().name())
            .field("name", &self.0.name)
            .field("quota", &self.0.quota)
            .field("fail_open", &self.0.fail_open)
            .finish_non_exhaustive()
    }
}

/// Configures a [`RateLimiter`]; see [`RateLimiter::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct RateLimiterBuilder {
    cache: KvCacheService,
    name: String,
    quota: Quota,
    fail_open: bool,
    approximate: bool,
}

impl RateLimiterBuilder {
    /// Admits every request while the backend fails, instead of answering with its error. Right where the limit
    /// spares a server; wrong where it guards a password.
    pub fn fail_open(mut self) -> Self {
        self.fail_open = true;
        self
    }

    /// Accepts a backend without atomic counters. Requests at the same time may then be counted as one, and on a
    /// backend that is eventually consistent, such as Cloudflare KV, each place counts by itself for up to that time:
    /// a limit against accidents, not against attacks.
    pub fn approximate(mut self) -> Self {
        self.approximate = true;
        self
    }

    /// Builds the limiter. Sends nothing to the backend.
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`] for a name or a quota that cannot be, and for a backend without atomic counters
    /// where the limiter was not told to be [approximate](Self::approximate). [`CacheError::InvalidPrefix`] where the
    /// service's prefix leaves no room for `.rate`.
    pub fn build(self) -> Result<RateLimiter> {
        let Self { cache, name, quota, fail_open, approximate } = self;
        let refuse = |why: String| Err(CacheError::Configuration(why));
        if Prefix::new(&name).is_err() {
            return refuse(
                "the name of a rate limiter is 1 to 64 of the characters A-Z a-z 0-9 . _ -".into(),
            );
        }
        if let Err(why) = quota.check() {
            return refuse(format!("the quota of the rate limiter `{name}` cannot be: {why}"));
        }
        let backend = cache.backend();
        if !approximate && !backend.capabilities().atomic {
            return refuse(format!(
                "{} has no atomic counters, so the rate limiter `{name}` could not keep its limit; \
                 build it with `approximate()` if about that much will do",
                backend.name()
            ));
        }
        let kind = match quota {
            Quota::Window { .. } => "window",
            Quota::Smooth { .. } => "smooth",
        };
        let head = format!("{kind}:{name}:");
        let (failures, warned) = (AtomicU64::new(0), Seldom::new());
        let cache = cache.beside(AREA)?;
        Ok(RateLimiter(Arc::new(Inner { cache, name, head, quota, fail_open, failures, warned })))
    }
}
