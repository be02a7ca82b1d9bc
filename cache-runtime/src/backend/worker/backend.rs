//! The binding as a backend.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::{join_all, try_join_all};
use futures_util::stream::{self, StreamExt};
use serde_json::Value;
use worker::js_sys::Error as JsError;
use worker::kv::{GetOptionsBuilder, KvError, KvStore};
use worker::send::{SendFuture, SendWrapper};
use worker::wasm_bindgen::JsCast;
use worker::{Delay, Env};

use super::bulk::{Bulk, Found};
use super::refusal;
use super::usage::{Counters, KvUsage, count};
use crate::backend::limits::{self, BULK_KEYS, Request};
use crate::backend::stamp::{self, Stamped, Told};
use crate::backend::{
    Backend, ByteStream, Capabilities, Consistency, Entry, Expiration, ListOptions, ListPage, ListedKey,
    NativePut, PutOptions, SetOutcome, StreamedEntry, ValueBody, collect,
};
use crate::clock::Clock;
use crate::error::{BackendError, CacheError, Result};

/// How often KV lets a key be written, and how often a write that came too soon is made again.
const BETWEEN_WRITES: Duration = Duration::from_secs(1);
const AGAIN: usize = 2;

/// How long a change may take to be seen everywhere, about.
const VISIBLE_WITHIN: Duration = Duration::from_mins(1);

/// A Cloudflare KV namespace inside a Worker, by its binding (feature `worker`, on wasm32).
///
/// Cheap to clone. What it stores, `CloudflareBackend` (over the REST interface) and services in other languages read,
/// and the other way round: a value is its plain bytes under its plain key. A time to live under 60 seconds is stored
/// as 60, with the true end in the metadata, and no value is served past it.
///
/// KV is eventually consistent: a change is seen everywhere within about a minute. There are no leases, no barriers and no
/// atomic counters. One key may be written once a second; a write that KV refuses for that is made again a second later,
/// twice at most.
///
/// [`get_stream`](Backend::get_stream) gives the pieces of a value as they come from KV, but for bytes that are kept as
/// base64, which are read whole. What is put as a stream is read whole first: the binding wants to know its length.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
/// use cache_runtime::{KvCacheService, WorkerBackend};
///
/// # fn cache(env: &worker::Env) -> cache_runtime::Result<KvCacheService> {
/// let backend = WorkerBackend::from_env(env, "CACHE")?;
/// let cache = KvCacheService::builder(Arc::new(backend)).build()?;
/// # Ok(cache)
/// # }
/// ```
#[derive(Clone)]
pub struct WorkerBackend {
    kv: KvStore,
    bulk: Bulk,
    clock: Clock,
    counters: Arc<Counters>,
}

impl WorkerBackend {
    /// The namespace that the Worker's configuration (`[[kv_namespaces]]`) binds to a name.
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`] where there is no such binding.
    pub fn from_env(env: &Env, binding: &str) -> Result<Self> {
        Self::of_binding(env, binding)?.ok_or_else(|| {
            CacheError::Configuration(format!(
                "the Worker has no KV namespace bound to `{binding}`; add `[[kv_namespaces]]` with this binding to `wrangler.toml`"
            ))
        })
    }

    /// The same; `None` where nothing has that name.
    pub(crate) fn of_binding(env: &Env, binding: &str) -> Result<Option<Self>> {
        let Some(bulk) = Bulk::of(env, binding) else { return Ok(None) };
        let kv = env.kv(binding).ok().filter(|_| bulk.is_namespace()).ok_or_else(|| {
            CacheError::Configuration(format!(
                "`{binding}` is bound to something that is no KV namespace; name another binding"
            ))
        })?;
        Ok(Some(Self { kv, bulk, clock: Clock::system(), counters: Arc::default() }))
    }

    /// What the namespace was asked for through this backend and its clones so far, refused or not.
    #[must_use]
    pub fn usage(&self) -> KvUsage {
        self.counters.usage()
    }

    /// Takes the time from `clock` instead of the system's, for the ends of values.
    #[must_use]
    pub fn with_clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Up to 100 values. Those that a bulk read cannot give as they are, and those that are too many bytes at once, are
    /// read by themselves.
    async fn many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        if let [key] = keys {
            return Ok(vec![self.get(key).await?]);
        }
        count(&self.counters.reads, keys.len());
        let found = match self.bulk.get(keys).await {
            Ok(found) => found,
            Err(words) if refusal::is_too_large(&words) => {
                return try_join_all(keys.iter().map(|key| self.get(key))).await;
            }
            Err(words) => return Err(refusal::error(Request::GetBulk, &words)),
        };
        let entries = keys.iter().map(async |key| match found.get(*key) {
            None => Ok(None),
            Some(Found::Bare) => self.get(key).await,
            Some(Found::Entry(text, metadata)) => {
                let told = Told::by(metadata.as_deref());
                if !told.base64 && !stamp::is_exact(text) {
                    return self.get(key).await;
                }
                self.entry(told, Bytes::copy_from_slice(text.as_bytes()))
            }
        });
        join_all(entries).await.into_iter().collect()
    }

    /// An entry, unless its time is over.
    fn entry(&self, told: Told, bytes: Bytes) -> Result<Option<Entry>, BackendError> {
        let Ok(expires_in) = told.expires_in(None, &self.clock) else { return Ok(None) };
        Ok(Some(Entry { value: told.bytes(bytes)?, expires_in, metadata: told.metadata, revision: 0 }))
    }

    async fn store(
        &self,
        key: &str,
        value: &[u8],
        metadata: Option<&str>,
        expiration: Expiration,
    ) -> Result<SetOutcome, BackendError> {
        let mut put = self.kv.put_bytes(key, value).map_err(|error| fault(Request::Put, &error))?;
        if let Some(metadata) = metadata {
            let metadata: Value = serde_json::from_str(metadata)
                .map_err(|_| Request::Put.refuse("400 the metadata is not JSON"))?;
            put = put.metadata(metadata).map_err(|error| fault(Request::Put, &error))?;
        }
        put = match expiration {
            Expiration::Never => put,
            Expiration::In(seconds) => put.expiration_ttl(seconds),
            Expiration::At(second) => put.expiration(second),
        };
        let attempt = || {
            count(&self.counters.writes, 1);
            put.clone().execute()
        };
        SendFuture::new(write(attempt)).await.map_err(|error| fault(Request::Put, &error))?;
        Ok(SetOutcome::Stored)
    }

    /// Starts a read of one key.
    fn open(&self, key: &str) -> Result<GetOptionsBuilder, BackendError> {
        Request::Get.check_key(key)?;
        count(&self.counters.reads, 1);
        Ok(self.kv.get(key))
    }
}

/// Makes a write, and again a second later where KV refuses it because the key was just written.
async fn write<T>(attempt: impl AsyncFn() -> Result<T, KvError>) -> Result<T, KvError> {
    let is_too_soon = |error: &KvError| words(error).is_some_and(|words| refusal::is_too_soon(&words));
    for _ in 0..AGAIN {
        match attempt().await {
            Err(error) if is_too_soon(&error) => Delay::from(BETWEEN_WRITES).await,
            done => return done,
        }
    }
    attempt().await
}

#[async_trait]
impl Backend for WorkerBackend {
    fn name(&self) -> &'static str {
        "worker"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic().with_consistency(Consistency::Eventual(VISIBLE_WITHIN))
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        let found = SendFuture::new(self.open(key)?.bytes_with_metadata::<Value>()).await;
        match found.map_err(|error| fault(Request::Get, &error))? {
            (Some(bytes), metadata) => self.entry(told(metadata.as_ref()), bytes.into()),
            (None, _) => Ok(None),
        }
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        Request::Get.check_keys(keys)?;
        let mut entries = Vec::with_capacity(keys.len());
        for keys in keys.chunks(BULK_KEYS) {
            entries.extend(self.many(keys).await?);
        }
        Ok(entries)
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        Request::Put.check_key(key)?;
        let Stamped { text, metadata, ttl } =
            stamp::stamp(&value, options.metadata.as_deref(), options.ttl, &self.clock)?;
        let expiration = ttl.map_or(Expiration::Never, Expiration::In);
        self.store(key, &text, metadata.as_deref(), expiration).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        Request::Delete.check_key(key)?;
        let attempt = || {
            count(&self.counters.deletes, 1);
            self.kv.delete(key)
        };
        let deleted = SendFuture::new(write(attempt)).await;
        // Whether it was there KV does not say.
        deleted.map(|()| true).map_err(|error| fault(Request::Delete, &error))
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        Request::Delete.check_keys(keys)?;
        try_join_all(keys.iter().map(|key| self.delete(key))).await?;
        Ok(keys.len() as u64)
    }

    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        let puts = entries.iter().map(|(key, value, options)| self.put(key, value.clone(), options.clone()));
        try_join_all(puts).await.map(drop)
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        let ListOptions { prefix, limit, cursor } = options;
        Request::Get.check_length(&prefix)?;
        let mut list = self.kv.list().limit(limits::page_size(limit, true)? as u64);
        if !prefix.is_empty() {
            list = list.prefix(prefix);
        }
        if let Some(cursor) = cursor {
            list = list.cursor(cursor);
        }
        count(&self.counters.lists, 1);
        let page = SendFuture::new(list.execute()).await.map_err(|error| fault(Request::Get, &error))?;
        let keys = page.keys.into_iter().filter_map(|key| {
            let told = told(key.metadata.as_ref());
            let expires_in = told.expires_in(key.expiration, &self.clock).ok()?;
            Some(ListedKey { name: key.name, expires_in, metadata: told.metadata })
        });
        Ok(ListPage { keys: keys.collect(), cursor: page.cursor.filter(|_| !page.list_complete) })
    }

    async fn get_stream(
        &self,
        key: &str,
        cache_ttl: Option<Duration>,
    ) -> Result<Option<StreamedEntry>, BackendError> {
        let mut get = self.open(key)?;
        if let Some(cache_ttl) = cache_ttl {
            get = get.cache_ttl(cache_ttl.as_secs());
        }
        let (found, metadata) = SendFuture::new(get.stream_with_metadata::<Value>())
            .await
            .map_err(|error| fault(Request::Get, &error))?;
        let told = told(metadata.as_ref());
        let (Some(found), Ok(expires_in)) = (found, told.expires_in(None, &self.clock)) else {
            return Ok(None);
        };
        let pieces = pieces(found.into());
        let value: ByteStream = if told.base64 {
            let bytes = told.bytes(collect(pieces).await?)?;
            Box::pin(stream::iter([Ok(bytes)]))
        } else {
            pieces
        };
        Ok(Some(StreamedEntry { value, expires_in, metadata: told.metadata }))
    }

    async fn put_native(
        &self,
        key: &str,
        value: ValueBody,
        options: NativePut,
    ) -> Result<SetOutcome, BackendError> {
        Request::Put.check_key(key)?;
        limits::check_metadata(options.metadata.as_deref())?;
        let value = value.collect().await?;
        self.store(key, &value, options.metadata.as_deref(), options.expiration).await
    }

    fn clock(&self) -> Clock {
        self.clock.clone()
    }
}

impl fmt::Debug for WorkerBackend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WorkerBackend").finish_non_exhaustive()
    }
}

/// The pieces of a value, as they come. Ends after a failure.
fn pieces(value: worker::ByteStream) -> ByteStream {
    let next = |state: Option<SendWrapper<worker::ByteStream>>| {
        SendFuture::new(async move {
            let mut value = state?;
            match value.0.next().await? {
                Ok(piece) => Some((Ok(Bytes::from(piece)), Some(value))),
                // The words of the engine could quote the value.
                Err(_) => Some((Err(BackendError::Unavailable("the value was cut off".into())), None)),
            }
        })
    };
    Box::pin(stream::unfold(Some(SendWrapper::new(value)), next))
}

fn told(metadata: Option<&Value>) -> Told {
    let text: Option<Arc<str>> = metadata.map(|metadata| metadata.to_string().into());
    Told::by(text.as_deref())
}

/// What the binding said, if it was the binding.
fn words(error: &KvError) -> Option<String> {
    match error {
        KvError::JavaScript(value) => value.dyn_ref::<JsError>().map(|error| error.message().into()),
        _ => None,
    }
}

/// The backend's error. The client's own text is not shown: it could quote a value.
fn fault(request: Request, error: &KvError) -> BackendError {
    match words(error) {
        Some(words) => refusal::error(request, &words),
        None => BackendError::Other("the binding's answer is not one of Cloudflare KV".into()),
    }
}
