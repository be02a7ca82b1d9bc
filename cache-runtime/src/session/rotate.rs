//! A session under a new token, so that nobody who knew the old one is let in.
//!
//! Two keys cannot be changed at once on every engine (not on a cluster), and one can:
//!
//! 1. Under the new key a stub is stored, once, that says whose place it takes. Alone it is no session.
//! 2. The old session becomes a note that it has moved there, which holds it. That one change closes the old token and
//!    opens the new one. Its look and its change lie side by side, so those who change the session at the same time do
//!    not come between more often than between the look and the change of each other.
//! 3. The stub becomes the session, then the note forgets it. If nobody comes to do that, the first reader of the stub
//!    does, who until then finds the session in the note.
//!
//! The note ends when the session would, unused; the stub outlives it, however many tries the change needs.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::operations::{Found, KNOWN_OVER, TRIES, contended};
use super::record::{Record, Stored};
use super::token::SessionId;
use super::{SessionStore, SessionToken};
use crate::error::Result;
use crate::rt;

/// By how much a stub outlives the session: longer than all tries take.
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
        let mut found = self.find_for(operation, &old, user.as_ref()).await?;
        let Some(Found { record, .. }) = &found else { return Ok(None) };
        let life = self.life(record.ends);
        if !self.is_atomic() {
            self.bury(operation, &old, record.ends).await?;
            let bytes = self.encode(operation, &Stored::Open(record.borrowed()))?;
            self.swap(operation, &new, None, bytes, life).await?;
            return Ok(Some(new_token));
        }
        let stub = self.encode(operation, &Stored::<()>::Follows(old.as_str().to_owned()))?;
        if !self.swap(operation, &new, None, stub.clone(), life.saturating_add(LONGER)).await? {
            // Nobody draws the same 256 bits twice.
            return Err(contended(operation, self.cache.backend().name()));
        }
        for lost in 1..=TRIES {
            let Some(Found { record, bytes: seen, .. }) = found else { return Ok(None) };
            let moved = Stored::Moved { to: new.as_str().to_owned(), session: record.borrowed() };
            let moved = self.encode(operation, &moved)?;
            if self.swap(operation, &old, Some(&seen), moved.clone(), self.life(record.ends)).await? {
                // It has moved; whoever reads the new one first may settle it as well.
                let _ = self.settle(operation, (&old, &moved), (&new, &stub), record).await;
                return Ok(Some(new_token));
            }
            rt::step_aside(self.cache.clock(), lost).await;
            found = self.find_for(operation, &old, user.as_ref()).await?;
        }
        Err(contended(operation, self.cache.backend().name()))
    }

    /// The session, if it is open, as it is once the user has logged in.
    async fn find_for(
        &self,
        operation: &'static str,
        id: &SessionId,
        user: Option<&(String, String)>,
    ) -> Result<Option<Found<T>>> {
        let mut found = self.find(operation, id).await?;
        if let (Some(Found { record, .. }), Some(user)) = (&mut found, user) {
            record.user = Some(user.clone());
            (record.created, record.ends) = self.lifetime();
        }
        Ok(found)
    }

    /// The session that a stub stands for, which it then is no more; `None` where it has not moved there, or another
    /// was quicker.
    pub(super) async fn follow(
        &self,
        operation: &'static str,
        old: &SessionId,
        new: &SessionId,
        stub: &[u8],
    ) -> Result<Option<Found<T>>> {
        let Some(note) = self.read(operation, old).await? else { return Ok(None) };
        match self.decode(&note) {
            Some(Stored::Moved { to, session })
                if to == new.as_str() && self.is_open(operation, &session).await? =>
            {
                self.settle(operation, (old, &note.value), (new, stub), session).await
            }
            _ => Ok(None),
        }
    }

    /// Puts a session that has moved in the place of its stub, and only then takes it out of the note that it has moved:
    /// who has read the stub finds it in one or the other.
    async fn settle(
        &self,
        operation: &'static str,
        (old, moved): (&SessionId, &[u8]),
        (new, stub): (&SessionId, &[u8]),
        record: Record<T>,
    ) -> Result<Option<Found<T>>> {
        let life = self.life(record.ends);
        let bytes = self.encode(operation, &Stored::Open(record.borrowed()))?;
        if !self.swap(operation, new, Some(stub), bytes.clone(), life).await? {
            return Ok(None);
        }
        // The note ends by itself, too.
        if let Ok(over) = self.encode(operation, &Stored::<()>::Over) {
            let _ = self.swap(operation, old, Some(moved), over, KNOWN_OVER).await;
        }
        Ok(Some(Found { record, bytes, kept_for: Some(life) }))
    }
}
