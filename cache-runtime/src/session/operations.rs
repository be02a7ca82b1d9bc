//! Sessions created, read, changed and ended.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::record::{Record, Stored};
use super::token::SessionId;
use super::{Session, SessionStore, SessionToken};
use crate::backend::{Entry, PutOptions};
use crate::clock::millis;
use crate::error::{BackendError, CacheError, Result};
use crate::rt;

/// How often a change is tried against others of the same session.
pub(super) const TRIES: usize = 100;

/// How long a session that is over is known to be, before it is only missing.
pub(super) const KNOWN_OVER: Duration = Duration::from_mins(1);

/// What is said when every try was in vain.
pub(super) fn contended(operation: &'static str, backend: &'static str) -> CacheError {
    BackendError::Unavailable("the session is changed by others all the time".into())
        .during(operation, backend)
}

/// An open session as it was found.
pub(super) struct Found<T> {
    pub(super) record: Record<T>,
    /// What is stored, to be compared with.
    pub(super) bytes: Bytes,
    /// How long the engine keeps it still.
    pub(super) kept_for: Option<Duration>,
}

impl<T: Serialize + DeserializeOwned> SessionStore<T> {
    /// Begins a session of a client that has not logged in.
    ///
    /// # Errors
    ///
    /// [`CacheError::Encode`] and [`CacheError::ValueTooLarge`] where the data cannot be stored;
    /// [`CacheError::Backend`] where the backend fails.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, a session may be there whose token nobody has. It ends with its idle timeout.
    pub async fn create(&self, data: &T) -> Result<SessionToken> {
        self.begin("session.create", data, None).await
    }

    /// Begins a session of a user, who may have others; [`destroy_all`](Self::destroy_all) ends them together. For a
    /// client that has a session already, [`rotate_for`](Self::rotate_for) logs in.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create), and [`CacheError::InvalidKey`] where the user's name is longer than a key may be.
    ///
    /// # Cancellation
    ///
    /// As [`create`](Self::create).
    pub async fn create_for(&self, user: &str, data: &T) -> Result<SessionToken> {
        const OPERATION: &str = "session.create";
        let generation = self.enter(OPERATION, user).await?;
        self.begin(OPERATION, data, Some((user.to_owned(), generation))).await
    }

    async fn begin(
        &self,
        operation: &'static str,
        data: &T,
        user: Option<(String, String)>,
    ) -> Result<SessionToken> {
        let (created, ends) = self.lifetime();
        let token = SessionToken::new()?;
        let stored = Stored::Open(Record { data, user, created, ends });
        let bytes = self.encode(operation, &stored)?;
        if self.swap(operation, &SessionId::of_token(&token), None, bytes, self.life(ends)).await? {
            return Ok(token);
        }
        // Nobody draws the same 256 bits twice.
        Err(contended(operation, self.cache.backend().name()))
    }

    /// The open session of a token, and notes its use. `None` where there is none: never was, over, rotated, ended.
    /// What cannot be a token is not asked for.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`] where the backend fails: nobody knows, so answer 503 and log nobody out.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the use may or may not be noted.
    pub async fn get(&self, token: &str) -> Result<Option<Session<T>>> {
        const OPERATION: &str = "session.get";
        let Some(id) = SessionId::of(token) else { return Ok(None) };
        let Some(found) = self.find(OPERATION, &id).await? else { return Ok(None) };
        let life = self.life(found.record.ends);
        let grain = (self.idle_timeout / 16).min(Duration::from_mins(1));
        if found.kept_for.is_none_or(|left| left.saturating_add(grain) <= life) {
            let key = self.cache.full_key(OPERATION, &id.key())?;
            // The session is known; that it may end early is not worth an error.
            let _ = self.cache.during(OPERATION, self.cache.backend().touch(&key, Some(life))).await;
        }
        let Record { data, user, created, ends } = found.record;
        let (created, ends) = (Duration::from_millis(created), Duration::from_millis(ends));
        Ok(Some(Session { data, user: user.map(|(user, _)| user), created, ends }))
    }

    /// Changes the data of a session, and returns it as it is stored; `None` where the session is not open.
    ///
    /// `change` runs again on newer data when another call has changed the session meanwhile, so no change is lost; it
    /// should do nothing but change the data. (Without atomic changes, on Cloudflare KV, it runs once, and of changes
    /// at the same time the last one stands.)
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create). Nothing is changed then, unless it is the backend that failed.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the change is stored whole, or not at all.
    pub async fn update(&self, token: &str, mut change: impl FnMut(&mut T)) -> Result<Option<T>> {
        const OPERATION: &str = "session.update";
        let Some(id) = SessionId::of(token) else { return Ok(None) };
        for lost in 0..TRIES {
            rt::step_aside(self.cache.clock(), lost).await;
            let Some(mut found) = self.find(OPERATION, &id).await? else { return Ok(None) };
            change(&mut found.record.data);
            let life = self.life(found.record.ends);
            let bytes = self.encode(OPERATION, &Stored::Open(found.record.borrowed()))?;
            if self.swap(OPERATION, &id, Some(&found.bytes), bytes, life).await? {
                return Ok(Some(found.record.data));
            }
        }
        Err(contended(OPERATION, self.cache.backend().name()))
    }

    /// Ends a session: whoever still holds the token is not let in again. Returns whether it was open.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`] where the backend fails: it may be open still.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, the session is over, or as it was.
    pub async fn destroy(&self, token: &str) -> Result<bool> {
        const OPERATION: &str = "session.destroy";
        let Some(id) = SessionId::of(token) else { return Ok(false) };
        for lost in 0..TRIES {
            rt::step_aside(self.cache.clock(), lost).await;
            let Some(found) = self.find(OPERATION, &id).await? else { return Ok(false) };
            if !self.is_atomic() {
                self.bury(OPERATION, &id, found.record.ends).await?;
                return Ok(true);
            }
            let over = self.encode(OPERATION, &Stored::<()>::Over)?;
            if self.swap(OPERATION, &id, Some(&found.bytes), over, KNOWN_OVER).await? {
                return Ok(true);
            }
        }
        Err(contended(OPERATION, self.cache.backend().name()))
    }

    /// The session, if it is open.
    pub(super) async fn find(&self, operation: &'static str, id: &SessionId) -> Result<Option<Found<T>>> {
        // Again where it was a stub: another may have settled it meanwhile, and it never becomes a stub again.
        for _ in 0..2 {
            let Some(entry) = self.read(operation, id).await? else { return Ok(None) };
            match self.decode(&entry) {
                Some(Stored::Open(record)) => {
                    let open = self.is_open(operation, &record).await?;
                    let found = Found { record, bytes: entry.value, kept_for: entry.expires_in };
                    return Ok(open.then_some(found));
                }
                Some(Stored::Follows(before)) => {
                    let before = SessionId::of_hash(before);
                    let found = self.follow(operation, &before, id, &entry.value).await?;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                Some(Stored::Moved { .. } | Stored::Over) | None => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Whether a session that is stored is not over.
    pub(super) async fn is_open(&self, operation: &'static str, record: &Record<T>) -> Result<bool> {
        if record.ends <= self.now() {
            return Ok(false);
        }
        let Some((user, generation)) = &record.user else { return Ok(true) };
        self.is_current(operation, user, generation).await
    }

    pub(super) async fn read(&self, operation: &'static str, id: &SessionId) -> Result<Option<Entry>> {
        let backend = self.cache.backend();
        let key = self.cache.full_key(operation, &id.key())?;
        if self.is_atomic() {
            return self.cache.during(operation, backend.get(&key)).await;
        }
        let grave = self.cache.full_key(operation, &id.grave())?;
        let mut found = self.cache.during(operation, backend.get_many(&[&key, &grave])).await?.into_iter();
        let session = found.next().flatten();
        Ok(session.filter(|_| !matches!(found.next(), Some(Some(_)))))
    }

    /// Ends a session where changes are not atomic: a change that is under way may write the session again, but
    /// nobody writes here.
    pub(super) async fn bury(&self, operation: &'static str, id: &SessionId, ends: u64) -> Result<()> {
        let backend = self.cache.backend();
        let (key, grave) =
            (self.cache.full_key(operation, &id.key())?, self.cache.full_key(operation, &id.grave())?);
        let life = Duration::from_millis(ends.saturating_sub(self.now())).saturating_add(self.idle_timeout);
        let options = PutOptions::with_ttl(life.max(backend.capabilities().minimum_ttl));
        self.cache.during(operation, backend.put(&grave, Bytes::from_static(b"1"), options)).await?;
        // It is over. What is left of it may stay: KV refuses to delete what was written within the last second.
        let _ = self.cache.during(operation, backend.delete(&key)).await;
        Ok(())
    }

    /// Puts `new` in the place of what was found.
    pub(super) async fn swap(
        &self,
        operation: &'static str,
        id: &SessionId,
        found: Option<&[u8]>,
        new: Bytes,
        life: Duration,
    ) -> Result<bool> {
        let backend = self.cache.backend();
        let key = self.cache.full_key(operation, &id.key())?;
        let options = PutOptions::with_ttl(life.max(backend.capabilities().minimum_ttl));
        self.cache.during(operation, backend.compare_and_set(&key, found, new, options)).await
    }

    pub(super) fn encode<D: Serialize>(&self, operation: &'static str, stored: &Stored<D>) -> Result<Bytes> {
        self.cache.codec().encode(stored, self.cache.value_limit(), operation)
    }

    /// What does not decode is over: the service has changed its type of data.
    pub(super) fn decode(&self, entry: &Entry) -> Option<Stored<T>> {
        let stored = self.cache.codec().decode(&entry.value);
        if stored.is_none() && self.warned.may(self.cache.clock().now()) {
            tracing::warn!("a stored session is not of the type that is asked for; it counts as over");
        }
        stored
    }

    /// The wall clock, in milliseconds since 1970.
    fn now(&self) -> u64 {
        millis(self.cache.clock().unix_time())
    }

    /// When a session that begins now begins and ends.
    pub(super) fn lifetime(&self) -> (u64, u64) {
        let now = self.now();
        (now, now.saturating_add(millis(self.absolute_timeout).max(1)))
    }

    /// How long the engine is to keep a session that is used now.
    pub(super) fn life(&self, ends: u64) -> Duration {
        let left = Duration::from_millis(ends.saturating_sub(self.now()).max(1));
        self.idle_timeout.min(left)
    }
}
