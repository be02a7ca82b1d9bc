//! A read of several values at once.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde_core::de::{DeserializeOwned, IgnoredAny};

use super::{KvMetadata, KvNamespace, WithMetadata};
use crate::backend::limits::{BULK_KEYS, Request, VALUE_BYTES};
use crate::error::{BackendError, CacheError, Result};

const OPERATION: &str = "get_bulk";

/// A bulk read that is about to be made, see [`KvNamespace::get_bulk`]. The answer has one item a key, in the order
/// of the keys: `None` for a missing one.
#[must_use = "it reads nothing until one of its forms is awaited"]
pub struct KvGetBulk<'a> {
    kv: &'a KvNamespace,
    keys: Vec<&'a str>,
    cache_ttl: Option<u64>,
}

impl<'a> KvGetBulk<'a> {
    pub(super) fn new(kv: &'a KvNamespace, keys: Vec<&'a str>) -> Self {
        Self { kv, keys, cache_ttl: None }
    }

    /// For how many seconds, at least 30, copies near the reader may be served. It is checked, and matters to no
    /// backend yet.
    pub fn cache_ttl(mut self, seconds: u64) -> Self {
        self.cache_ttl = Some(seconds);
        self
    }

    /// Reads the values as text; bytes that are not UTF-8 are replaced by U+FFFD.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`], also for no key, more than 100 and more than 25 MiB of values.
    pub async fn text(self) -> Result<Vec<Option<String>>> {
        Ok(values(self.text_with_metadata().await?))
    }

    /// Reads the values from JSON.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text), also when one is not JSON; [`CacheError::Decode`] when one is not of a `T`.
    pub async fn json<T: DeserializeOwned>(self) -> Result<Vec<Option<T>>> {
        Ok(values(self.json_with_metadata().await?))
    }

    /// [`text`](Self::text), with the metadata.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    pub async fn text_with_metadata(self) -> Result<Vec<Option<WithMetadata<String>>>> {
        self.map(|value| Ok(String::from_utf8_lossy(value).into_owned())).await
    }

    /// [`json`](Self::json), with the metadata.
    ///
    /// # Errors
    ///
    /// As [`json`](Self::json).
    pub async fn json_with_metadata<T: DeserializeOwned>(self) -> Result<Vec<Option<WithMetadata<T>>>> {
        let kv = self.kv;
        self.map(|value| {
            serde_json::from_slice(value).map_err(|_| {
                if serde_json::from_slice::<IgnoredAny>(value).is_ok() {
                    let backend = kv.backend.name();
                    return CacheError::Decode { operation: OPERATION, backend, codec: "JSON" };
                }
                let why = "400 At least one of the requested keys corresponds to a non-json value";
                kv.during(OPERATION, Request::GetBulk.refuse(why))
            })
        })
        .await
    }

    async fn map<T>(self, decode: impl Fn(&[u8]) -> Result<T>) -> Result<Vec<Option<WithMetadata<T>>>> {
        let entries = self.read().await.map_err(|error| self.kv.during(OPERATION, error))?;
        let decode = |(value, metadata): (Bytes, Option<Arc<str>>)| {
            let metadata = KvMetadata::of(metadata, self.kv.backend.name());
            Ok(WithMetadata { value: decode(&value)?, metadata })
        };
        entries.into_iter().map(|entry| entry.map(decode).transpose()).collect()
    }

    async fn read(&self) -> Result<Vec<Option<(Bytes, Option<Arc<str>>)>>, BackendError> {
        let refuse = |why: &str| Err(Request::GetBulk.refuse(why));
        if self.keys.is_empty() {
            return refuse("400 You must request a minimum of 1 key");
        }
        if self.keys.len() > BULK_KEYS {
            return refuse("400 You can request a maximum of 100 keys");
        }
        Request::GetBulk.check_keys(&self.keys)?;
        Request::GetBulk.check_cache_ttl(self.cache_ttl)?;
        let entries = self.kv.backend.get_many(&self.keys).await?;
        let size: usize = entries.iter().flatten().map(|entry| entry.value.len()).sum();
        if size > VALUE_BYTES {
            return refuse("413 Total size of request exceeds the limit of 25MB");
        }
        Ok(entries.into_iter().map(|entry| entry.map(|entry| (entry.value, entry.metadata))).collect())
    }
}

fn values<T>(found: Vec<Option<WithMetadata<T>>>) -> Vec<Option<T>> {
    found.into_iter().map(|found| found.map(|found| found.value)).collect()
}

impl fmt::Debug for KvGetBulk<'_> {
    /// Does not show the keys.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KvGetBulk").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
