//! A listing of keys, page by page or to the end.

use std::fmt;
use std::time::Duration;

use super::{KvMetadata, KvNamespace};
use crate::backend::ListOptions;
use crate::backend::limits::Request;
use crate::error::{BackendError, Result};

const OPERATION: &str = "list";

/// A listing that is about to be made, see [`KvNamespace::list`].
#[must_use = "it lists nothing until `execute` or `all` is awaited"]
#[derive(Clone)]
pub struct KvList<'a> {
    kv: &'a KvNamespace,
    options: ListOptions,
}

/// A page of a listing. It may be short, even empty, and not be the last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvPage {
    /// The keys, in the byte order of their UTF-8.
    pub keys: Vec<KvKey>,
    /// Whether this page is the last.
    pub list_complete: bool,
    /// What [`KvList::cursor`] takes for the next page; `None` after the last.
    pub cursor: Option<String>,
}

/// A key in a listing.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct KvKey {
    /// The key.
    pub name: String,
    /// The second of the Unix calendar at which it ends, where the backend tells and it has an end.
    pub expiration: Option<u64>,
    /// What was stored beside its value, where the backend tells.
    pub metadata: Option<KvMetadata>,
}

impl<'a> KvList<'a> {
    pub(super) fn new(kv: &'a KvNamespace) -> Self {
        Self { kv, options: ListOptions::default() }
    }

    /// Only keys that start with this.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.options.prefix = prefix.into();
        self
    }

    /// The most keys in a page, 1 to 1,000; 0 is as if none was given. 1,000 if none is given.
    pub fn limit(mut self, keys: usize) -> Self {
        self.options.limit = Some(keys);
        self
    }

    /// Goes on after the page that gave this cursor. It must have had the same prefix.
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.options.cursor = Some(cursor.into());
        self
    }

    /// Lists one page.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`](crate::CacheError::Backend).
    pub async fn execute(self) -> Result<KvPage> {
        let kv = self.kv;
        self.page().await.map_err(|error| kv.during(OPERATION, error))
    }

    /// Lists all the keys, page by page, from the cursor on if one is set.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`](crate::CacheError::Backend).
    pub async fn all(mut self) -> Result<Vec<KvKey>> {
        let mut keys = Vec::new();
        loop {
            let page = self.clone().execute().await?;
            keys.extend(page.keys);
            let Some(cursor) = page.cursor else { return Ok(keys) };
            self = self.cursor(cursor);
        }
    }

    async fn page(self) -> Result<KvPage, BackendError> {
        let backend = &self.kv.backend;
        Request::Get.check_length(&self.options.prefix)?;
        let page = backend.list(self.options).await?;
        let now = backend.clock().unix_time();
        let keys = page.keys.into_iter().map(|key| KvKey {
            name: key.name,
            expiration: key.expires_in.map(|left| end_after(now, left)),
            metadata: KvMetadata::of(key.metadata, backend.name()),
        });
        Ok(KvPage { keys: keys.collect(), list_complete: page.cursor.is_none(), cursor: page.cursor })
    }
}

/// The second at which something ends. The backend told how much is left some moments ago.
fn end_after(now: Duration, left: Duration) -> u64 {
    const MOMENT: Duration = Duration::from_millis(20);
    now.saturating_add(left).saturating_add(MOMENT).as_secs()
}

impl fmt::Debug for KvList<'_> {
    /// Does not show the prefix.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KvList").field("limit", &self.options.limit).finish_non_exhaustive()
    }
}

impl fmt::Debug for KvKey {
    /// Does not show the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KvKey").field("expiration", &self.expiration).finish_non_exhaustive()
    }
}
