//! Plain mode: the codec's bytes and nothing else, for sharing a server with programs in other languages.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use redis::Pipeline;

use super::connection::Again;
use super::entry::{plain, px};
use super::fault::Fault;
use super::listing::{self, Look};
use super::live::Live;
use super::reads::MOST_KEYS;
use super::scripts::Script;
use super::servers::{Group, Reply, Servers};
use super::{RedisBackend, reply};
use crate::backend::{Backend, Capabilities, Entry, ListOptions, ListPage, PutOptions, SetOutcome};
use crate::error::BackendError;

/// Redis or Valkey with the codec's bytes and nothing else under a key, and its time to live as Redis keeps it:
/// [`RedisBackend::plain`].
///
/// Any program reads what it stores, and it reads what any program stores. What makes a [`RedisBackend`] fresh
/// through races and crashes is missing: there are no leases, barriers and epochs, and
/// [`capabilities`](Backend::capabilities) say so. A value that is loaded while another process changes its source can
/// be stored after that change and stay until its time to live ends.
///
/// It stores no metadata either. So a cached method's `None` is not cached, nor a value with a `version` or with
/// tags, and none is served stale.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
///
/// use cache_runtime::{KvCacheService, RedisBackend};
///
/// # async fn connect() -> cache_runtime::Result<()> {
/// let backend = RedisBackend::builder("redis://127.0.0.1:6379").connect().await?;
/// let shared = KvCacheService::builder(Arc::new(backend.plain())).prefix("shared").build()?;
/// // Another program does `SET shared:greeting '"hello"' EX 300`.
/// let greeting: Option<String> = shared.get("greeting").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PlainRedisBackend {
    servers: Arc<Servers>,
}

impl RedisBackend {
    /// A backend over the same connection that stores the codec's bytes and nothing else, for sharing a server with
    /// programs in other languages. Do not use both for the same keys.
    #[must_use]
    pub fn plain(&self) -> PlainRedisBackend {
        PlainRedisBackend { servers: Arc::clone(&self.servers) }
    }
}

impl PlainRedisBackend {
    /// Sends one command for each group of keys, or one for each of its keys.
    async fn each<T: Clone>(
        &self,
        again: Again,
        keys: &[&str],
        nothing: T,
        build: impl Fn(&Group<'_>, &mut Pipeline) + Send + Sync,
        mut read: impl FnMut(&mut Reply, &Group<'_>, &mut [T]) -> Result<(), Fault>,
    ) -> Result<Vec<T>, BackendError> {
        let mut all = Vec::with_capacity(keys.len());
        for keys in keys.chunks(MOST_KEYS) {
            let groups = self.servers.groups(keys);
            let mut answers = vec![nothing.clone(); keys.len()];
            let build = |_: &Live, group: &Group<'_>, pipeline: &mut Pipeline| build(group, pipeline);
            for (group, reply) in groups.iter().zip(self.servers.call(again, &groups, build).await) {
                read(&mut reply?, group, &mut answers)?;
            }
            all.extend(answers);
        }
        Ok(all)
    }

    async fn put_all(&self, entries: &[(&str, &Bytes, &PutOptions)]) -> Result<(), BackendError> {
        if entries.iter().any(|(.., options)| options.metadata.is_some()) {
            return Err(BackendError::Rejected("plain mode stores no metadata".into()));
        }
        for entries in entries.chunks(MOST_KEYS) {
            let keys: Vec<&str> = entries.iter().map(|(key, ..)| *key).collect();
            let build = |group: &Group<'_>, pipeline: &mut Pipeline| {
                for (key, bytes, options) in group.places.iter().filter_map(|place| entries.get(*place)) {
                    let command = pipeline.cmd("SET").arg(*key).arg(bytes.as_ref());
                    if options.ttl.is_some() {
                        command.arg("PX").arg(px(options.ttl));
                    }
                }
            };
            let read = |reply: &mut Reply, group: &Group<'_>, _: &mut [()]| {
                group.keys.iter().try_for_each(|_| reply::was_set(reply.next()).map(drop))
            };
            self.each(Again::May, &keys, (), build, read).await?;
        }
        Ok(())
    }
}

#[async_trait]
impl Backend for PlainRedisBackend {
    fn name(&self) -> &'static str {
        "redis (plain)"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic().with_atomic().without_metadata()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        let build = |_: &Live, pipeline: &mut Pipeline| {
            pipeline.cmd("GET").arg(key).cmd("PTTL").arg(key);
        };
        let mut answers = self.servers.one(Again::May, key, build).await?;
        let bytes = reply::bytes(answers.next())?;
        let left = reply::integer(answers.next())?;
        Ok(bytes.and_then(|bytes| plain(bytes, left)))
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        self.put_all(&[(key, &value, &options)]).await?;
        Ok(SetOutcome::Stored)
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        Ok(self.delete_many(&[key]).await? > 0)
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        listing::list(&self.servers, options, Look::Texts).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        let build = |group: &Group<'_>, pipeline: &mut Pipeline| {
            let command = pipeline.cmd("MGET");
            for key in &group.keys {
                command.arg(*key);
            }
            for key in &group.keys {
                pipeline.cmd("PTTL").arg(*key);
            }
        };
        let read = |reply: &mut Reply, group: &Group<'_>, entries: &mut [Option<Entry>]| {
            let values = reply::list(reply.next())?;
            for (place, value) in group.places.iter().zip(values) {
                let left = reply::integer(reply.next())?;
                entries[*place] = reply::bytes(value)?.and_then(|bytes| plain(bytes, left));
            }
            Ok(())
        };
        self.each(Again::May, keys, None, build, read).await
    }

    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        let entries: Vec<_> =
            entries.iter().map(|(key, value, options)| (key.as_str(), value, options)).collect();
        self.put_all(&entries).await
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        let build = |group: &Group<'_>, pipeline: &mut Pipeline| {
            let command = pipeline.cmd("UNLINK");
            for key in &group.keys {
                command.arg(*key);
            }
        };
        let mut removed = 0;
        let read = |reply: &mut Reply, _: &Group<'_>, _: &mut [()]| {
            removed += reply::count(reply.next())?;
            Ok(())
        };
        self.each(Again::MustNot, keys, (), build, read).await?;
        Ok(removed)
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, BackendError> {
        let mut removed = 0;
        let mut scan = listing::Scan::new(prefix, self.servers.primaries().await?);
        while let Some(keys) = scan.next().await? {
            let keys: Vec<&str> = listing::own(&keys, prefix).collect();
            removed += self.delete_many(&keys).await?;
        }
        Ok(removed)
    }

    async fn increment(&self, key: &str, by: i64, ttl_if_new: Option<Duration>) -> Result<i64, BackendError> {
        let (step, ms) = (by.to_string(), px(ttl_if_new));
        let build = |live: &Live, pipeline: &mut Pipeline| {
            live.script(pipeline, Script::PlainIncrement, &[key], &[step.as_bytes(), ms.as_bytes()]);
        };
        let mut answers = self.servers.one(Again::MustNot, key, build).await?;
        let mut answer = reply::list(answers.next())?.into_iter();
        let mut text = || reply::text(answer.next().unwrap_or_default());
        match text()?.as_str() {
            "sum" => text()?.parse().map_err(|_| Fault::Answer.into()),
            "overflow" => Err(BackendError::CounterOverflow),
            _ => Err(BackendError::NotAnInteger),
        }
    }

    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        let ms = px(ttl);
        let build = |_: &Live, pipeline: &mut Pipeline| {
            if ttl.is_some() {
                pipeline.cmd("PEXPIRE").arg(key).arg(&ms);
            } else {
                pipeline.cmd("PERSIST").arg(key).cmd("EXISTS").arg(key);
            }
        };
        let mut answers = self.servers.one(Again::May, key, build).await?;
        let first = reply::integer(answers.next())? == 1;
        Ok(if ttl.is_some() { first } else { reply::integer(answers.next())? == 1 })
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        if options.metadata.is_some() {
            return Err(BackendError::Rejected("plain mode stores no metadata".into()));
        }
        let (expects, expected): (&[u8], _) = expected.map_or((b"0", &[][..]), |expected| (b"1", expected));
        let ms = px(options.ttl);
        let build = |live: &Live, pipeline: &mut Pipeline| {
            let arguments: [&[u8]; 4] = [expects, expected, &new, ms.as_bytes()];
            live.script(pipeline, Script::PlainCompareAndSet, &[key], &arguments);
        };
        Ok(reply::flag(self.servers.one(Again::MustNot, key, build).await?.next())?)
    }

    async fn health(&self) -> Result<(), BackendError> {
        Ok(self.servers.ping().await?)
    }
}

impl fmt::Debug for PlainRedisBackend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PlainRedisBackend").finish_non_exhaustive()
    }
}
