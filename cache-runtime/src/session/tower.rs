//! A store for the sessions of `tower-sessions`.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use tower_sessions_core::session::{Id, Record};
use tower_sessions_core::session_store::{Error, Result, SessionStore};

use super::operations::TRIES;
use super::{AREA, token::hash};
use crate::backend::PutOptions;
use crate::error::CacheError;
use crate::rt;
use crate::service::KvCacheService;

/// A store for the middleware of `tower-sessions`, on the backend of a service.
///
/// The stored key is the SHA-256 of the session's id, and the id is not in what is stored: who reads the store cannot
/// log in. Ends by the record's own date. Stands beside the sessions of [`SessionStore`](super::SessionStore), under
/// `<prefix>.session`, so that `clear` logs nobody out.
///
/// That middleware reads a session once in a request and writes it back whole: of requests at the same time the last
/// one stands. [`SessionStore::update`](super::SessionStore::update) loses no change.
///
/// ```
/// use cache_runtime::{KvCacheService, TowerSessionStore};
///
/// # fn main() -> cache_runtime::Result<()> {
/// let cache = KvCacheService::in_memory();
/// let store = TowerSessionStore::new(&cache)?;
/// // With `tower-sessions`: `.layer(SessionManagerLayer::new(store))`
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TowerSessionStore {
    cache: KvCacheService,
}

impl TowerSessionStore {
    /// A store on the backend of `cache`.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidPrefix`] where the service's prefix leaves no room for `.session`.
    pub fn new(cache: &KvCacheService) -> crate::Result<Self> {
        Ok(Self { cache: cache.beside(AREA)? })
    }

    fn key(&self, operation: &'static str, id: Id) -> Result<String> {
        let key = format!("tower:{}", hash(&id.0.to_le_bytes()));
        self.cache.full_key(operation, &key).map_err(|error| failed(&error))
    }

    /// How long a record still lasts; `None` when it is over.
    fn life(&self, record: &Record) -> Option<Duration> {
        let nanos = u128::try_from(record.expiry_date.unix_timestamp_nanos()).ok()?;
        let nanos = nanos.checked_sub(self.cache.clock().unix_time().as_nanos())?;
        let life = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        (!life.is_zero()).then_some(life)
    }

    /// Puts a record in the place of what is `expected` there. One that is over is not stored.
    async fn swap(
        &self,
        operation: &'static str,
        key: &str,
        expected: Option<&[u8]>,
        record: &Record,
    ) -> Result<bool> {
        let Some(life) = self.life(record) else { return Ok(true) };
        // Without its id.
        let kept = Record { id: Id(0), data: record.data.clone(), expiry_date: record.expiry_date };
        let bytes = serde_json::to_vec(&kept).map_err(|error| Error::Encode(error.to_string()))?;
        let backend = self.cache.backend();
        let options = PutOptions::with_ttl(life.max(backend.capabilities().minimum_ttl));
        let swap = backend.compare_and_set(key, expected, Bytes::from(bytes), options);
        self.cache.during(operation, swap).await.map_err(|error| failed(&error))
    }

    async fn bytes(&self, operation: &'static str, key: &str) -> Result<Option<Bytes>> {
        let found = self
            .cache
            .during(operation, self.cache.backend().get(key))
            .await
            .map_err(|error| failed(&error))?;
        Ok(found.map(|entry| entry.value))
    }
}

#[async_trait]
impl SessionStore for TowerSessionStore {
    async fn create(&self, record: &mut Record) -> Result<()> {
        const OPERATION: &str = "session.create";
        for _ in 0..TRIES {
            if self.swap(OPERATION, &self.key(OPERATION, record.id)?, None, record).await? {
                return Ok(());
            }
            // Another session has this id.
            record.id = Id::default();
        }
        Err(Error::Backend("every new session's id is taken".into()))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        const OPERATION: &str = "session.save";
        let key = self.key(OPERATION, record.id)?;
        if self.life(record).is_none() {
            return self.delete(&record.id).await;
        }
        for lost in 0..TRIES {
            rt::step_aside(self.cache.clock(), lost).await;
            let found = self.bytes(OPERATION, &key).await?;
            if self.swap(OPERATION, &key, found.as_deref(), record).await? {
                return Ok(());
            }
        }
        Err(Error::Backend("the session is changed by others all the time".into()))
    }

    async fn load(&self, session_id: &Id) -> Result<Option<Record>> {
        const OPERATION: &str = "session.load";
        let key = self.key(OPERATION, *session_id)?;
        let Some(bytes) = self.bytes(OPERATION, &key).await? else { return Ok(None) };
        // The text of the codec could quote the session.
        let record: Record = serde_json::from_slice(&bytes)
            .map_err(|_| Error::Decode("the stored bytes are no session".into()))?;
        Ok(self.life(&record).is_some().then_some(Record { id: *session_id, ..record }))
    }

    async fn delete(&self, session_id: &Id) -> Result<()> {
        const OPERATION: &str = "session.delete";
        let key = self.key(OPERATION, *session_id)?;
        self.cache
            .during(OPERATION, self.cache.backend().delete(&key))
            .await
            .map_err(|error| failed(&error))?;
        Ok(())
    }
}

/// The error and its source in one line; neither holds an id or a value.
fn failed(error: &CacheError) -> Error {
    let text = error.to_string();
    match std::error::Error::source(error) {
        Some(source) => Error::Backend(format!("{text}: {source}")),
        None => Error::Backend(text),
    }
}

impl fmt::Debug for TowerSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TowerSessionStore").field("cache", &self.cache).finish_non_exhaustive()
    }
}
