//! The generation of a user's sessions: a change of it ends them all.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::token::random;
use super::{SessionStore, operations::TRIES, operations::contended};
use crate::backend::{Entry, PutOptions};
use crate::error::Result;
use crate::key::escaped;
use crate::rt;

/// By how much a generation outlives the sessions of it.
const LONGER: Duration = Duration::from_mins(1);

/// A generation that no other one is like: one that the engine has evicted cannot come back, and the sessions of it
/// are over.
fn new_generation() -> Result<Bytes> {
    Ok(URL_SAFE_NO_PAD.encode(random::<16>()?).into())
}

impl<T> SessionStore<T> {
    fn user_key(&self, operation: &'static str, user: &str) -> Result<String> {
        self.cache.full_key(operation, &format!("user:{}", escaped(user)))
    }

    /// As long as the longest session of it can last. Without atomic changes for ever: to lengthen it might undo
    /// another's change.
    fn generation_life(&self) -> Option<Duration> {
        self.is_atomic().then(|| self.absolute_timeout.saturating_add(LONGER))
    }

    async fn generation(&self, operation: &'static str, key: &str) -> Result<Option<Entry>> {
        self.cache.during(operation, self.cache.backend().get(key)).await
    }

    /// Whether the user's sessions of this generation are still open.
    pub(super) async fn is_current(
        &self,
        operation: &'static str,
        user: &str,
        generation: &str,
    ) -> Result<bool> {
        let key = self.user_key(operation, user)?;
        let found = self.generation(operation, &key).await?;
        Ok(found.is_some_and(|entry| entry.value == generation.as_bytes()))
    }

    /// The generation that a session of the user begins in, kept for as long as the session can last.
    pub(super) async fn enter(&self, operation: &'static str, user: &str) -> Result<String> {
        let key = self.user_key(operation, user)?;
        let backend = self.cache.backend();
        for _ in 0..TRIES {
            let Some(found) = self.generation(operation, &key).await? else {
                let new = new_generation()?;
                if self.swap_generation(operation, &key, None, new.clone()).await? {
                    return Ok(text(&new));
                }
                continue;
            };
            if let Some(life) = self.generation_life()
                && found.expires_in.is_none_or(|left| left < life)
                && !self.cache.during(operation, backend.touch(&key, Some(life))).await?
            {
                continue;
            }
            return Ok(text(&found.value));
        }
        Err(contended(operation, backend.name()))
    }

    /// Ends every session of the user, whoever holds the tokens. One that is created after this returned is open; one
    /// that is created at the same time may be over at once.
    ///
    /// On a backend that is eventually consistent, each place ends them when it hears of it.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`](crate::CacheError::InvalidKey) where the user's name is longer than a key may be;
    /// [`CacheError::Backend`](crate::CacheError::Backend) where the backend fails: they may be open still.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, all of them are over, or none.
    pub async fn destroy_all(&self, user: &str) -> Result<()> {
        const OPERATION: &str = "session.destroy_all";
        let key = self.user_key(OPERATION, user)?;
        for lost in 0..TRIES {
            rt::step_aside(self.cache.clock(), lost).await;
            let found = self.generation(OPERATION, &key).await?.map(|entry| entry.value);
            if self.swap_generation(OPERATION, &key, found.as_deref(), new_generation()?).await? {
                return Ok(());
            }
        }
        Err(contended(OPERATION, self.cache.backend().name()))
    }

    async fn swap_generation(
        &self,
        operation: &'static str,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
    ) -> Result<bool> {
        let options = PutOptions { ttl: self.generation_life(), metadata: None };
        let swap = self.cache.backend().compare_and_set(key, expected, new, options);
        self.cache.during(operation, swap).await
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
