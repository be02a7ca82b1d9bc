//! Cloudflare KV's own interface, as a handle over any backend: [`KvNamespace`].

mod bulk;
mod get;
mod list;
mod metadata;
mod put;

pub use bulk::KvGetBulk;
pub use get::KvGet;
pub use list::{KvKey, KvList, KvPage};
pub use metadata::{KvMetadata, WithMetadata};
pub use put::KvPut;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;

use crate::backend::limits::Request;
use crate::backend::{Backend, LocalKvNamespace, ValueBody};
use crate::error::{BackendError, BoxError, CacheError, Result};
use crate::pieces::Map;

/// A key-value namespace with the interface of Cloudflare KV, over any [`Backend`]: for values that an author reads
/// and writes by hand, under whole keys. [`KvCacheService`](crate::KvCacheService) has prefixes, typed keys and the
/// attributes.
///
/// | Cloudflare KV in JavaScript | here |
/// | --- | --- |
/// | `get(key)`, `get(key, "json")`, `"arrayBuffer"`, `"stream"` | `get(key).text()`, `.json::<T>()`, `.bytes()`, `.stream()` |
/// | `getWithMetadata(key, …)` | `get(key).text_with_metadata()` and so on |
/// | `get(key, { cacheTtl: 60 })` | `get(key).cache_ttl(60).text()` |
/// | `get([key, …])` | `get_bulk(keys).text()`, `.json::<T>()` |
/// | `put(key, value, { expirationTtl, expiration, metadata })` | `put(key, value).expiration_ttl(…).expiration(…).metadata(&m)?.execute()` |
/// | `put(key, stream)` | `put_stream(key, stream).execute()` |
/// | `delete(key)` | `delete(key)` |
/// | `list({ prefix, limit, cursor })` | `list().prefix(…).limit(…).cursor(…).execute()` |
///
/// Cheap to clone. What Cloudflare refuses is refused in its words, before anything is sent where that can be known:
/// keys that are empty, `.`, `..` or longer than 512 bytes, values over 26,214,400 bytes, metadata over 1,024, a
/// `cache_ttl` under 30 seconds, bulk reads of more than 100 keys or 25 MiB. Times to live under 60 seconds are
/// refused by Cloudflare and by a [`LocalKvNamespace`] with
/// [`cloudflare_limits`](crate::LocalKvNamespaceBuilder::cloudflare_limits); other backends keep them.
///
/// # Errors
///
/// [`CacheError::Backend`] for what the backend refuses or cannot do; its source says why.
///
/// # Cancellation
///
/// Any future may be dropped at any await: the operation has then happened or has not, but never by half.
///
/// # Examples
///
/// ```
/// use cache_runtime::{KvNamespace, LocalKvNamespace};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_runtime::Result<()> {
/// let kv = KvNamespace::from(LocalKvNamespace::new());
/// let _ = kv.put("greeting", "hello").expiration_ttl(300).metadata(&"en")?.execute().await?;
///
/// let found = kv.get("greeting").text_with_metadata().await?.expect("it was put");
/// assert_eq!(found.value, "hello");
/// assert_eq!(found.metadata::<String>()?.as_deref(), Some("en"));
///
/// let page = kv.list().prefix("greet").limit(100).execute().await?;
/// assert_eq!(page.keys[0].name, "greeting");
/// kv.delete("greeting").await?;
/// assert_eq!(kv.get("greeting").text().await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KvNamespace {
    backend: Arc<dyn Backend>,
}

impl KvNamespace {
    /// The namespace that a backend holds.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }

    /// The backend, for a [`KvCacheService`](crate::KvCacheService) over the same namespace.
    #[must_use]
    pub fn backend(&self) -> &Arc<dyn Backend> {
        &self.backend
    }

    /// Starts to read a value.
    pub fn get<'a>(&'a self, key: &'a str) -> KvGet<'a> {
        KvGet::new(self, key)
    }

    /// Starts to read up to 100 values in one round trip where the backend can.
    pub fn get_bulk<'a, K: AsRef<str>>(&'a self, keys: &'a [K]) -> KvGetBulk<'a> {
        KvGetBulk::new(self, keys.iter().map(AsRef::as_ref).collect())
    }

    /// Starts to store a value over whatever is there: what it had of an end or of metadata goes.
    pub fn put<'a>(&'a self, key: &'a str, value: impl Into<Bytes>) -> KvPut<'a> {
        KvPut::new(self, key, ValueBody::Whole(value.into()))
    }

    /// Starts to store a value that comes as a stream. An error of the stream stores nothing.
    pub fn put_stream<'a, S, E>(&'a self, key: &'a str, stream: S) -> KvPut<'a>
    where
        S: Stream<Item = Result<Bytes, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let stream = Map(Box::pin(stream), |piece: Result<_, E>| {
            piece.map_err(|error| BackendError::Other(error.into()))
        });
        KvPut::new(self, key, ValueBody::Stream(Box::pin(stream)))
    }

    /// Removes a key; a missing one is no error.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`].
    pub async fn delete(&self, key: &str) -> Result<()> {
        Request::Delete.check_key(key).map_err(|error| self.during("delete", error))?;
        self.backend.delete(key).await.map(drop).map_err(|error| self.during("delete", error))
    }

    /// Starts to list keys.
    pub fn list(&self) -> KvList<'_> {
        KvList::new(self)
    }

    fn during(&self, operation: &'static str, error: BackendError) -> CacheError {
        CacheError::Backend { operation, backend: self.backend.name(), source: error }
    }
}

impl From<LocalKvNamespace> for KvNamespace {
    fn from(namespace: LocalKvNamespace) -> Self {
        Self::new(Arc::new(namespace))
    }
}

impl fmt::Debug for KvNamespace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KvNamespace").field("backend", &self.backend.name()).finish()
    }
}
