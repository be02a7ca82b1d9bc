//! A session under a new token, so that nobody who knew the old one is let in.
//!
//! Two keys cannot be changed at once on every engine (not on a cluster), and one can. So the new session is stored
//! first and says whose place it takes; it is not open until the old one says that it has moved there. That one change
//! closes the old token and opens the new one. Then the new session forgets what it followed.

use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::operations::{Found, TRIES, contended};
use super::record::{Record, Stored};
use super::token::SessionId;
use super::{SessionStore, SessionToken};
use crate::error::Result;

/// By how much the note that a session has moved outlives it.
const LONGER: Duration = Duration::from_mins(1);

impl<T: Serialize + DeserializeOwned> SessionStore<T> {
    /// Gives a session a new token, with all that is in it; `None` where it is not open. Do so whenever what the
    /// client may do changes. Timeouts go on as they were.
    ///
    /// At no moment are both tokens good. Once this returned, the new one is; of several calls at once, one gets a
    /// token.
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create). The old token may then be good or not.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, or the process dies, the session is open under its old token, or under a new one that
    /// nobody has: the client then has to log in again. Without atomic changes, too, the old token is closed first.
    pub async fn rotate(&self, token: &str) -> Result<Option<SessionToken>> {
        self.replace("session.rotate", token, None).await
    }

    /// Logs a user in: gives the session a new token, with all that is in it, and makes it the user's. `None` where
    /// it is not open. The absolute timeout begins anew.
    ///
    /// The token from before the login is good no more: who has planted it in the client's browser is not let in.
    ///
    /// # Errors
    ///
    /// As [`rotate`](Self::rotate), and [`CacheError::InvalidKey`](crate::CacheError::InvalidKey) where the user's
    /// name is longer than a key may be.
    ///
    /// # Cancellation
    ///
    /// As [`rotate`](Self::rotate).
    pub async fn rotate_for(&self, token: &str, user: &str) -> Result<Option<SessionToken>> {
        const OPERATION: &str = "session.rotate";
        if SessionId::of(token).is_none() {
            return Ok(None);
        }
        let generation = self.enter(OPERATION, user).await?;
        self.replace(OPERATION, token, Some((user.to_owned(), generation))).await
    }

    async fn replace(
        &self,
        operation: &'static str,
        token: &str,
        user: Option<(String, String)>,
    ) -> Result<Option<SessionToken>> {
        let Some(old) = SessionId::of(token) else { return Ok(None) };
        let new_token = SessionToken::new()?;
        let new = SessionId::of_token(&new_token);
        // What stands under the new key, from a try before.
        let mut prepared: Option<Bytes> = None;
        for _ in 0..TRIES {
            let Some(found) = self.find(operation, &old).await? else { return Ok(None) };
            let Found { mut record, bytes: seen, .. } = found;
            if let Some(user) = &user {
                record.user = Some(user.clone());
                (record.created, record.ends) = self.lifetime();
            }
            let life = self.life(record.ends);
            if !self.is_atomic() {
                self.bury(operation, &old, record.ends).await?;
                let bytes = self.encode(operation, &Stored::Open(record.borrowed()))?;
                self.swap(operation, &new, None, bytes, life).await?;
                return Ok(Some(new_token));
            }
            record.follows = Some(old.as_str().to_owned());
            let bytes = self.encode(operation, &Stored::Open(record.borrowed()))?;
            if !self.swap(operation, &new, prepared.as_deref(), bytes.clone(), life).await? {
                // It was evicted, or is over.
                prepared = None;
                continue;
            }
            prepared = Some(bytes.clone());
            let moved = self.encode(operation, &Stored::<()>::Moved(new.as_str().to_owned()))?;
            if self.swap(operation, &old, Some(&seen), moved, life.saturating_add(LONGER)).await? {
                record.follows = None;
                // It has moved; whoever reads the new one first may say so as well.
                let _ = self.settle(operation, &new, &record, &bytes).await;
                return Ok(Some(new_token));
            }
        }
        Err(contended(operation, self.cache.backend().name()))
    }

    /// Whether the session that had the hash `before` has moved to `here`.
    pub(super) async fn has_moved(
        &self,
        operation: &'static str,
        before: &str,
        here: &SessionId,
    ) -> Result<bool> {
        let key = self.cache.full_key(operation, &SessionId::of_hash(before).key())?;
        let found = self.cache.during(operation, self.cache.backend().get(&key)).await?;
        let stored = found.and_then(|entry| self.cache.codec().decode::<Stored<T>>(&entry.value));
        Ok(matches!(stored, Some(Stored::Moved(to)) if to == here.as_str()))
    }

    /// Lets a session that has followed another stand by itself; what is stored then, where nobody was quicker.
    pub(super) async fn settle(
        &self,
        operation: &'static str,
        id: &SessionId,
        record: &Record<T>,
        seen: &[u8],
    ) -> Result<Option<Bytes>> {
        let bytes = self.encode(operation, &Stored::Open(record.borrowed()))?;
        let settled = self.swap(operation, id, Some(seen), bytes.clone(), self.life(record.ends)).await?;
        Ok(settled.then_some(bytes))
    }
}
