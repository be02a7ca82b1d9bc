//! The write: a barrier on the keys, the author's body, and the end of both.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

use super::shape::{Outcome, Shape, StrictShape};
use super::site::{CallSite, Event};
use crate::backend::{PutOptions, WriteToken};
use crate::codec::Marks;
use crate::error::CacheError;
use crate::key::RawKey;
use crate::rt;
use crate::service::KvCacheService;
use crate::ttl::Ttl;
use crate::value::ValueOps;

const OPERATION: &str = "invalidation";

/// The longest time between two renewals of a barrier.
const LONGEST_INTERVAL: Duration = Duration::from_secs(10);

/// How often the barrier of a write is renewed while its body runs.
fn renewal_interval(timeout: Duration) -> Duration {
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
}

/// An `#[invalidates(when = "always")]`, before it has begun.
pub struct WriteAlways(Write);

/// An `#[updates]`, before it has begun.
pub struct Update<V, O> {
    write: Write,
    key: RawKey,
    ttl: Option<Ttl>,
    ops: O,
    value: PhantomData<fn(&V)>,
}

/// Prepares a write whose keys are known from the arguments.
pub fn write<const N: usize>(cache: &KvCacheService, site: &'static CallSite, keys: [RawKey; N]) -> Write {
    Write { cache: cache.clone(), site, keys: full_keys(cache, keys), timeout: cache.write_timeout() }
}

/// The full keys, without those that are too long to be stored: nothing is stored under them.
fn full_keys<const N: usize>(cache: &KvCacheService, keys: [RawKey; N]) -> Vec<String> {
    keys.into_iter().filter_map(|key| cache.prefix().full(key.as_str()).ok()).collect()
}

/// Prepares a write that stores its result.
pub fn update<V, O: ValueOps<V>>(
    cache: &KvCacheService,
    site: &'static CallSite,
    key: impl Into<RawKey>,
    ops: O,
) -> Update<V, O> {
    let key = key.into();
    Update { write: write(cache, site, [key.clone()]), key, ttl: None, ops, value: PhantomData }
}

/// A write whose barrier stands. Dropped before its end (a dropped or panicked body), it leaves the barrier to
/// end by itself: the source may yet be written.
struct Begun {
    cache: KvCacheService,
    site: &'static CallSite,
    keys: Vec<String>,
    token: Option<WriteToken>,
    timeout: Duration,
}

impl Write {
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
    async fn begin(self) -> Result<Begun, (Begun, CacheError)> {
        let Self { cache, site, keys, timeout } = self;
        let opened = if keys.is_empty() {
            Ok(None)
        } else {
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            let _changing = cache.store().changing(names.iter().copied());
            cache.bounded(cache.backend().begin_write(&names, barrier_life(timeout))).await
        };
        match opened {
            Ok(token) => Ok(Begun { cache, site, keys, token, timeout }),
            Err(error) => {
                let error = error.during(OPERATION, cache.backend().name());
                site.failed(cache.clock().now(), &error);
                cache.store().retry_later(&keys);
                Err((Begun { cache, site, keys, token: None, timeout }, error))
            }
        }
    }
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
        let begun = self.0.begin().await.unwrap_or_else(Begun::without_barrier);
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
                let whole = begun.attend(body).await;
                begun.finish(Vec::new(), None).await;
                whole
            }
            Err((_, error)) => shape.refused(error),
        }
    }
}

impl<V, O: ValueOps<V>> Update<V, O> {
    /// As [`Write::write_timeout`].
    #[must_use]
    pub fn write_timeout(mut self, limit: impl Into<Ttl>) -> Self {
        self.write = self.write.write_timeout(limit);
        self
    }

    /// The value lives for `ttl`, not for the time that was declared with the key.
    #[must_use]
    pub fn ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.ttl = Some(ttl.into());
        self
    }

    /// Runs `body`; when it succeeds, its value is what the key holds, unless somebody else wrote meanwhile.
    pub async fn run<R, S, F>(self, shape: S, body: Pin<&mut F>) -> R
    where
        S: Shape<R, Value = V>,
        F: Future<Output = R>,
    {
        let Self { write, key, ttl, ops, .. } = self;
        let begun = write.begin().await.unwrap_or_else(Begun::without_barrier);
        begun.run_update(shape, body, |begun, value| begun.encode(&key, ttl, ops, value)).await
    }

    /// The same, but fails before `body` runs when the cache cannot be told of the write.
    pub async fn run_strict<R, S, F>(self, shape: S, body: Pin<&mut F>) -> R
    where
        S: StrictShape<R> + Shape<R, Value = V>,
        F: Future<Output = R>,
    {
        let Self { write, key, ttl, ops, .. } = self;
        match write.begin().await {
            Ok(begun) => {
                begun.run_update(shape, body, |begun, value| begun.encode(&key, ttl, ops, value)).await
            }
            Err((_, error)) => shape.refused(error),
        }
    }
}

impl Begun {
    /// In the default mode a write goes on when the cache cannot be told of it; the end of the write tries again.
    fn without_barrier((begun, _): (Self, CacheError)) -> Self {
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

    async fn run_update<R, S: Shape<R>, F: Future<Output = R>>(
        self,
        shape: S,
        body: Pin<&mut F>,
        encode: impl FnOnce(&Self, &S::Value) -> Option<(Bytes, PutOptions)>,
    ) -> R {
        let written = match shape.split(self.attend(body).await) {
            Outcome::Failed(whole) => return self.abandon(whole),
            Outcome::None(whole) => Err(whole),
            Outcome::Value(value) => Ok(value),
        };
        let update = written.as_ref().ok().and_then(|value| encode(&self, value));
        self.finish(Vec::new(), update).await;
        match written {
            Ok(value) => shape.wrap(value),
            Err(none) => none(),
        }
    }

    /// Awaits the body and renews the barrier meanwhile, in the same task: a body that is not polled any more, or
    /// was dropped, has `write_timeout` left for what it set in motion.
    async fn attend<R>(&self, body: Pin<&mut impl Future<Output = R>>) -> R {
        let Some(token) = self.token else { return body.await };
        let (cache, life) = (&self.cache, barrier_life(self.timeout));
        let names: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let names = &names;
        rt::attended(cache.clock(), renewal_interval(self.timeout), body, move || async move {
            if let Err(error) = cache.bounded(cache.backend().renew_write(names, token, life)).await {
                let error = error.during(OPERATION, cache.backend().name());
                self.site.failed(cache.clock().now(), &error);
            }
        })
        .await
    }

    /// The bytes of an update; `None`, which deletes, when they cannot be made.
    fn encode<V, O: ValueOps<V>>(
        &self,
        key: &RawKey,
        ttl: Option<Ttl>,
        ops: O,
        value: &V,
    ) -> Option<(Bytes, PutOptions)> {
        let cache = &self.cache;
        let template = key.template();
        let encoded = ttl
            .or(template.declared_ttl())
            .unwrap_or(Ttl::NEVER)
            .checked(OPERATION)
            .and_then(|ttl| Ok((ttl, ops.encode(cache.codec(), value, cache.value_limit())?)));
        match encoded {
            Ok((ttl, bytes)) => {
                let metadata = Marks::new(false, template.declared_version()).to_metadata();
                Some((bytes, PutOptions { ttl, metadata }))
            }
            Err(error) => {
                self.site.failed(cache.clock().now(), &error);
                None
            }
        }
    }

    /// Ends the barrier, and removes or updates what it stood on.
    async fn finish(self, later: Vec<String>, update: Option<(Bytes, PutOptions)>) {
        let Self { cache, site, keys, token, .. } = self;
        for (keys, token, update) in [(keys, token, update), (later, None, None)] {
            if keys.is_empty() {
                continue;
            }
            let names: Vec<&str> = keys.iter().map(String::as_str).collect();
            let _changing = cache.store().changing(names.iter().copied());
            match cache.bounded(cache.backend().finish_write(&names, token, update)).await {
                Ok(_) => {
                    cache.store().retries.done(&names);
                    for _ in &names {
                        site.count(Event::Invalidation);
                    }
                }
                Err(error) => {
                    cache.store().retry_later(&keys);
                    site.failed(cache.clock().now(), &error.during(OPERATION, cache.backend().name()));
                }
            }
        }
    }

    /// Ends the barrier of a write that failed, in the background: the error, which need not be `Send`, is not
    /// kept waiting.
    fn abandon<R>(self, failed: R) -> R {
        if self.token.is_some() {
            rt::settle(self.finish(Vec::new(), None));
        }
        failed
    }
}
