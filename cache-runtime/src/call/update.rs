//! The write that stores its result, with the generations that its tags had before the body ran.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::fill::METADATA;
use super::shape::{Outcome, Shape, StrictShape};
use super::site::CallSite;
use super::tags::{Target, generations};
use super::write::{Begun, OPERATION, Write, write};
use crate::backend::PutOptions;
use crate::codec::Marks;
use crate::error::CacheError;
use crate::key::{FullKey, RawKey, Tag, Template};
use crate::service::KvCacheService;
use crate::together::join;
use crate::ttl::Ttl;
use crate::value::ValueOps;

/// An `#[updates]`, before it has begun.
pub struct Update<V, O> {
    write: Write,
    key: RawKey,
    tags: Vec<Tag>,
    ttl: Option<Ttl>,
    ops: O,
    value: PhantomData<fn(&V)>,
}

/// Prepares a write that stores its result.
pub fn update<V, O: ValueOps<V>>(
    cache: &KvCacheService,
    site: &'static CallSite,
    key: impl Into<RawKey>,
    ops: O,
) -> Update<V, O> {
    let key = key.into();
    Update {
        write: write(cache, site, [key.clone()]),
        key,
        tags: Vec::new(),
        ttl: None,
        ops,
        value: PhantomData,
    }
}

impl<V, O: ValueOps<V>> Update<V, O> {
    /// As [`Write::sync`].
    #[must_use]
    pub fn sync(mut self) -> Self {
        self.write = self.write.sync();
        self
    }

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

    /// The tags that the value carries: those of the method that caches it.
    #[must_use]
    pub fn tags<const N: usize>(mut self, tags: [RawKey; N]) -> Self {
        self.tags = tags.into_iter().map(Tag::new).collect();
        self
    }

    /// Runs `body`; when it succeeds, its value is what the key holds, unless somebody else wrote meanwhile.
    pub async fn run<R, S, F>(self, shape: S, body: Pin<&mut F>) -> R
    where
        S: Shape<R, Value = V>,
        F: Future<Output = R>,
    {
        let (begun, stored) = self.begin().await;
        let begun = begun.unwrap_or_else(Begun::without_barrier);
        begun.run_update(shape, body, stored).await
    }

    /// The same, but fails before `body` runs when the cache cannot be told of the write.
    pub async fn run_strict<R, S, F>(self, shape: S, body: Pin<&mut F>) -> R
    where
        S: StrictShape<R> + Shape<R, Value = V>,
        F: Future<Output = R>,
    {
        let (begun, stored) = self.begin().await;
        match begun {
            Ok(begun) => begun.run_update(shape, body, stored).await,
            Err((_, error)) => shape.refused(error),
        }
    }

    /// Opens the barrier, and notes the generations of the tags: those of later could be of after an invalidation that
    /// the value does not show.
    async fn begin(self) -> (Result<Begun, (Begun, CacheError)>, ToStore<O>) {
        let Self { write, key, tags, ttl, ops, .. } = self;
        let cache = write.cache().clone();
        let generations = async {
            let target = Target::new(&cache, FullKey::default(), &tags).ok()?;
            let generations = generations(&cache, &target).await?;
            Some((target, generations))
        };
        let (begun, generations) = join(write.begin(), generations).await;
        (begun, ToStore { key, ttl, ops, generations })
    }
}

/// What is known before the body runs of what is stored after it.
struct ToStore<O> {
    key: RawKey,
    ttl: Option<Ttl>,
    ops: O,
    /// The tags, and their generations; `None` where one of them is being invalidated: then nothing is stored.
    generations: Option<(Target, u64)>,
}

impl<O> ToStore<O> {
    /// The bytes of an update; `None`, which deletes, when they cannot be made.
    fn encode<V>(self, begun: &Begun, value: &V) -> Option<(Bytes, PutOptions)>
    where
        O: ValueOps<V>,
    {
        let cache = &begun.cache;
        let template = self.key.template();
        let (target, generations) = self.generations?;
        let encoded = self
            .ttl
            .or(template.declared_ttl())
            .unwrap_or(Ttl::NEVER)
            .checked(OPERATION)
            .and_then(|ttl| Ok((ttl, self.ops.encode(cache.codec(), value, cache.value_limit())?)));
        match encoded {
            Ok((ttl, bytes)) => {
                let metadata = Marks::new(false, template.declared_version() & !Template::TAGGED)
                    .with_tags(target.names().to_vec(), generations)
                    .to_metadata();
                let fits =
                    |text: &Arc<str>| cache.backend().capabilities().metadata && text.len() <= METADATA;
                if !metadata.as_ref().is_none_or(fits) {
                    return None;
                }
                Some((bytes, PutOptions { ttl, metadata }))
            }
            Err(error) => {
                begun.site.failed(cache.clock().now(), &error);
                None
            }
        }
    }
}

impl Begun {
    async fn run_update<R, S: Shape<R>, F: Future<Output = R>>(
        self,
        shape: S,
        body: Pin<&mut F>,
        stored: ToStore<impl ValueOps<S::Value>>,
    ) -> R {
        let written = match shape.split(self.attend(body).await) {
            Outcome::Failed(whole) => return self.abandon(whole),
            Outcome::None(whole) => Err(whole),
            Outcome::Value(value) => Ok(value),
        };
        let update = written.as_ref().ok().and_then(|value| stored.encode(&self, value));
        self.finish(Vec::new(), update).await;
        match written {
            Ok(value) => shape.wrap(value),
            Err(none) => none(),
        }
    }
}
