//! The write: a barrier on the keys, the author's body, and the end of both.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use tracing::Instrument;

use super::deferral::Deferral;
use super::shape::{Outcome, Shape, StrictShape};
use super::site::{CallSite, Event, Step};
use crate::backend::{PutOptions, WriteToken};
use crate::error::{BackendError, CacheError};
use crate::key::RawKey;
use crate::rt;
use crate::service::KvCacheService;
use crate::ttl::Ttl;

pub(super) const OPERATION: &str = "invalidation";

/// The longest time between two renewals of a barrier.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// How often the barrier of a write is renewed while its body runs.
pub(super) fn renewal_interval(timeout: Duration) -> Duration {
    (timeout / 3).clamp(Duration::from_millis(1), LONGEST_INTERVAL)
}

/// How long a barrier stands without renewal: whenever the body is dropped, its `write_timeout` is left.
fn barrier_life(timeout: Duration) -> Duration {
    timeout.saturating_add(renewal_interval(timeout))
}

/// An `#[invalidates]`, before it has begun.
pub struct Write {
    cache: KvCacheService,
    site: &'static CallSite,
    keys: Vec<String>,
    timeout: Duration,
    sync: bool,
}

/// An `#[invalidates(when = "always")]`, before it has begun.
pub struct WriteAlways(Write);

/// Prepares a write whose keys are known from the arguments.
pub fn write<const N: usize>(cache: &KvCacheService, site: &'static CallSite, keys: [RawKey; N]) -> Write {
    Write {
        cache: cache.clone(),
        site,
        keys: full_keys(cache, keys),
        timeout: cache.write_timeout(),
        sync: false,
    }
}

/// The full keys, of tags those of their generations, without those that are too long to be stored: nothing is stored
/// under them.
fn full_keys<const N: usize>(cache: &KvCacheService, keys: [RawKey; N]) -> Vec<String> {
    let full_key = |key: RawKey| {
        let (prefix, text) = (cache.prefix(), key.as_str());
        if key.template().is_tag() { prefix.generation(text) } else { prefix.full(text).map(Into::into) }
    };
    keys.into_iter().filter_map(|key| full_key(key).ok()).collect()
}

/// A write whose barrier stands. Dropped before its end (a dropped or panicked body), it leaves the barrier to
/// end by itself: the source may yet be written.
pub(super) struct Begun {
    pub(super) cache: KvCacheService,
    pub(super) site: &'static CallSite,
    keys: Vec<String>,
    token: Option<WriteToken>,
    timeout: Duration,
    /// Inside a scope, which ends it.
    deferral: Option<Deferral>,
    sync: bool,
}

impl Write {
    pub(super) const fn cache(&self) -> &KvCacheService {
        &self.cache
    }

    /// Has every process drop what it holds of the keys in its memory before the body runs, and waits for that.
    #[must_use]
    pub fn sync(mut self) -> Self {
        self.sync = true;
        self
    }

    /// The source may still be written so long after the future was dropped, not as long as the cache was told.
    #[must_use]
    pub fn write_timeout(mut self, limit: impl Into<Ttl>) -> Self {
        self.timeout = limit.into().as_duration().unwrap_or(Duration::MAX);
        self
    }

    /// Makes the keys stale even when the body fails.
    #[must_use]
    pub fn always(self) -> WriteAlways {
        WriteAlways(self)
    }

    /// Runs `body`; when it succeeds, the keys and those of its result are stale.
    pub async fn run<R, S, F, const M: usize>(
        self,
        shape: S,
        body: Pin<&mut F>,
        keys_of_result: impl FnOnce(&S::Value) -> [RawKey; M],
    ) -> R
    where
        S: Shape<R>,
        F: Future<Output = R>,
    {
        let begun = self.begin().await.unwrap_or_else(Begun::without_barrier);
        begun.run(shape, body, keys_of_result).await
    }

    /// The same, but fails before `body` runs when the cache cannot be told of the write.
    pub async fn run_strict<R, S, F, const M: usize>(
        self,
        shape: S,
        body: Pin<&mut F>,
        keys_of_result: impl FnOnce(&S::Value) -> [RawKey; M],
    ) -> R
    where
        S: StrictShape<R>,
        F: Future<Output = R>,
    {
        match self.begin().await {
            Ok(begun) => begun.run(shape, body, keys_of_result).await,
            Err((_, error)) => shape.refused(error),
        }
    }

    /// Opens the barrier, where the backend has them.
    pub(super) async fn begin(self) -> Result<Begun, (Begun, CacheError)> {
        let Self { cache, site, keys, timeout, sync } = self;
        let deferral = Deferral::here(&cache, site, timeout);
        let opened = match &deferral {
            Some(deferral) => deferral.open(&keys).await,
            None => open(&cache, site, &keys, timeout).await,
        };
        match opened {
            Ok(token) => {
                if sync {
                    recall(&cache, site, &keys).await;
                }
                Ok(Begun { cache, site, keys, token, timeout, deferral, sync })
            }
            Err(error) => {
                let error = refused(&cache, site, &keys, error);
                Err((Begun { cache, site, keys, token: None, timeout, deferral, sync }, error))
            }
        }
    }
}

/// Opens a barrier, where the backend has them.
pub(super) async fn open(
    cache: &KvCacheService,
    site: &'static CallSite,
    keys: &[String],
    timeout: Duration,
) -> Result<Option<WriteToken>, BackendError> {
    if keys.is_empty() {
        return Ok(None);
    }
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let _changing = cache.store().changing(names.iter().copied());
    let begun = cache.bounded(cache.backend().begin_write(&names, barrier_life(timeout)));
    begun.instrument(site.span(Step::Begin)).await
}

/// Lets a barrier stand for its whole life from now on.
pub(super) async fn renew(
    cache: &KvCacheService,
    site: &'static CallSite,
    keys: &[String],
    token: WriteToken,
    timeout: Duration,
) {
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    if let Err(error) = cache.bounded(cache.backend().renew_write(&names, token, barrier_life(timeout))).await
    {
        site.failed(cache.clock().now(), &error.during(OPERATION, cache.backend().name()));
    }
}

/// Ends a barrier, and removes or updates what it stood on.
pub(super) async fn end(
    cache: &KvCacheService,
    site: &'static CallSite,
    keys: &[String],
    token: Option<WriteToken>,
    update: Option<(Bytes, PutOptions)>,
) {
    if keys.is_empty() {
        return;
    }
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let _changing = cache.store().changing(names.iter().copied());
    let finished = cache.bounded(cache.backend().finish_write(&names, token, update));
    match finished.instrument(site.span(Step::End)).await {
        Ok(_) => {
            cache.store().retries.done(&names);
            for _ in &names {
                site.count(Event::Invalidation);
            }
        }
        Err(error) => drop(refused(cache, site, keys, error)),
    }
}

/// Waits until no process serves its copies of the keys. One that fails has waited as long as the backend needs to be
/// sure of that.
async fn recall(cache: &KvCacheService, site: &'static CallSite, keys: &[String]) {
    if !keys.is_empty() {
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        if let Err(error) = cache.backend().recall(&names).await {
            site.failed(cache.clock().now(), &error.during("recall", cache.backend().name()));
        }
    }
}

/// The backend was not told of a change: it is to be tried again.
fn refused(
    cache: &KvCacheService,
    site: &'static CallSite,
    keys: &[String],
    error: BackendError,
) -> CacheError {
    let error = error.during(OPERATION, cache.backend().name());
    site.failed(cache.clock().now(), &error);
    cache.store().retry_later(keys);
    error
}

impl WriteAlways {
    /// Runs `body`; whatever it returns, the keys are stale.
    pub async fn run<R, S, F, const M: usize>(
        self,
        shape: S,
        body: Pin<&mut F>,
        keys_of_result: impl FnOnce(&S::Value) -> [RawKey; M],
    ) -> R
    where
        S: Shape<R>,
        F: Future<Output = R>,
    {
        // `when = "always"` with keys of the result does not compile.
        let _ = (shape, keys_of_result);
        let begun = self.0.begin().await.unwrap_or_else(Begun::without_barrier).always();
        let whole = begun.attend(body).await;
        begun.finish(Vec::new(), None).await;
        whole
    }

    /// The same, but fails before `body` runs when the cache cannot be told of the write.
    pub async fn run_strict<R, S, F, const M: usize>(
        self,
        shape: S,
        body: Pin<&mut F>,
        keys_of_result: impl FnOnce(&S::Value) -> [RawKey; M],
    ) -> R
    where
        S: StrictShape<R>,
        F: Future<Output = R>,
    {
        let _ = keys_of_result;
        match self.0.begin().await {
            Ok(begun) => {
                let begun = begun.always();
                let whole = begun.attend(body).await;
                begun.finish(Vec::new(), None).await;
                whole
            }
            Err((_, error)) => shape.refused(error),
        }
    }
}

impl Begun {
    /// In the default mode a write goes on when the cache cannot be told of it; the end of the write tries again.
    pub(super) fn without_barrier((begun, _): (Self, CacheError)) -> Self {
        begun
    }

    async fn run<R, S: Shape<R>, F: Future<Output = R>, const M: usize>(
        self,
        shape: S,
        body: Pin<&mut F>,
        keys_of_result: impl FnOnce(&S::Value) -> [RawKey; M],
    ) -> R {
        let written = match shape.split(self.attend(body).await) {
            Outcome::Failed(whole) => return self.abandon(whole),
            Outcome::None(whole) => Err(whole),
            Outcome::Value(value) => Ok(value),
        };
        let later = match &written {
            Ok(value) => full_keys(&self.cache, keys_of_result(value)),
            Err(_) => Vec::new(),
        };
        self.finish(later, None).await;
        match written {
            Ok(value) => shape.wrap(value),
            Err(none) => none(),
        }
    }

    /// Awaits the body and renews the barrier meanwhile, in the same task: a body that is not polled any more, or
    /// was dropped, has `write_timeout` left for what it set in motion.
    pub(super) async fn attend<R>(&self, body: Pin<&mut impl Future<Output = R>>) -> R {
        let Some(token) = self.token else { return body.await };
        let renewed = || renew(&self.cache, self.site, &self.keys, token, self.timeout);
        rt::attended(self.cache.clock(), renewal_interval(self.timeout), body, renewed).await
    }

    /// Ends the barrier, and removes or updates what it stood on; inside a scope, sees to it that the scope does.
    pub(super) async fn finish(self, later: Vec<String>, update: Option<(Bytes, PutOptions)>) {
        let Self { cache, site, keys, token, deferral, sync, .. } = self;
        match deferral {
            Some(deferral) if !deferral.is_over() => {
                deferral.set_update(update);
                if let Err(error) = deferral.open(&later).await {
                    let _ = refused(&cache, site, &later, error);
                }
            }
            // The scope has ended the barrier. When its transaction did end, nobody knows.
            Some(_) => {
                end(&cache, site, &keys, None, None).await;
                end(&cache, site, &later, None, None).await;
                if sync {
                    recall(&cache, site, &keys).await;
                }
            }
            None => {
                end(&cache, site, &keys, token, update).await;
                end(&cache, site, &later, None, None).await;
            }
        }
        // Copies of the others were called back before the body.
        if sync {
            recall(&cache, site, &later).await;
        }
    }

    /// Ends the barrier of a write that failed, in the background: the error, which need not be `Send`, is not
    /// kept waiting. Inside a scope it stands until that ends: a part of the write may yet be committed.
    pub(super) fn abandon<R>(self, failed: R) -> R {
        if self.token.is_some() && self.deferral.is_none() {
            rt::settle(self.finish(Vec::new(), None));
        }
        failed
    }

    /// Says that the keys are stale whatever becomes of the write.
    fn always(self) -> Self {
        if let Some(deferral) = &self.deferral {
            deferral.set_always();
        }
        self
    }
}
