//! What makes many values stale at once: tags, the whole prefix, its removal.

use super::KvCacheService;
use crate::error::{CacheError, Result};
use crate::key::Tag;

impl KvCacheService {
    /// Removes every key of this prefix, however many, and no other prefix's. Returns how many there were.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`]; some may be removed then.
    pub async fn clear(&self) -> Result<u64> {
        let _changing = self.store().changing_prefix(self.prefix().with_colon());
        // Not bounded by the timeout of one operation: it may take many.
        let removed = self.backend().delete_prefix(self.prefix().with_colon()).await;
        removed.map_err(|error| error.during("clear", self.backend().name()))
    }

    /// Makes every value stale that carries the tag, of this prefix, by one command. Nothing that is loaded now is
    /// stored with it either.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidKey`] where the text cannot be a tag; [`CacheError::Backend`].
    ///
    /// # Examples
    ///
    /// See [`Tag`].
    pub async fn invalidate_tag(&self, tag: impl Into<Tag>) -> Result<()> {
        self.invalidate_tags([tag]).await
    }

    /// The same for several tags, by one command.
    ///
    /// # Errors
    ///
    /// As [`invalidate_tag`](Self::invalidate_tag); nothing is invalidated where a text cannot be a tag.
    pub async fn invalidate_tags<T: Into<Tag>>(&self, tags: impl IntoIterator<Item = T>) -> Result<()> {
        const OPERATION: &str = "invalidate_tags";
        let key = |tag: T| {
            let key = self.prefix().generation(tag.into().as_str());
            key.map_err(|reason| CacheError::InvalidKey { operation: OPERATION, reason })
        };
        let keys = tags.into_iter().map(key).collect::<Result<Vec<_>>>()?;
        if keys.is_empty() {
            return Ok(());
        }
        self.end_generations(OPERATION, &keys).await
    }

    async fn end_generations(&self, operation: &'static str, keys: &[String]) -> Result<()> {
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        let _changing = self.store().changing(names.iter().copied());
        self.during(operation, self.backend().finish_write(&names, None, None)).await.map(drop)
    }

    /// Makes everything stale that methods have cached under this prefix. What is being loaded now is not stored.
    ///
    /// By one command, however many keys there are, where the service was built with a
    /// [`prefix_generation`](crate::KvCacheServiceBuilder::prefix_generation): the entries stay until their time to live
    /// ends, and what was [`set`](Self::set) by hand and counters stay as they are. Otherwise it is a
    /// [`clear`](Self::clear), which removes those too, key by key.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`].
    pub async fn invalidate_all(&self) -> Result<()> {
        if !self.has_generation() {
            return self.clear().await.map(drop);
        }
        self.end_generations("invalidate_all", &[self.prefix().whole()]).await
    }
}
