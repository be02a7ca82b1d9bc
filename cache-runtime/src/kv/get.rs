//! A read of one value, in each of its forms.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use serde_core::de::DeserializeOwned;

use super::{KvMetadata, KvNamespace, WithMetadata};
use crate::backend::limits::Request;
use crate::backend::{StreamedEntry, collect};
use crate::error::{BackendError, CacheError, Result};
use crate::pieces::Map;

const OPERATION: &str = "get";

/// A read that is about to be made, see [`KvNamespace::get`]. A missing key is `None` in every form.
#[must_use = "it reads nothing until one of its forms is awaited"]
pub struct KvGet<'a> {
    kv: &'a KvNamespace,
    key: &'a str,
    cache_ttl: Option<u64>,
}

impl<'a> KvGet<'a> {
    pub(super) fn new(kv: &'a KvNamespace, key: &'a str) -> Self {
        Self { kv, key, cache_ttl: None }
    }

    /// For how many seconds, at least 30, a copy near the reader may be served without asking where the value is.
    /// It matters in Workers only: no other backend keeps such copies.
    pub fn cache_ttl(mut self, seconds: u64) -> Self {
        self.cache_ttl = Some(seconds);
        self
    }

    /// Reads the value as text; bytes that are not UTF-8 are replaced by U+FFFD.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`].
    pub async fn text(self) -> Result<Option<String>> {
        Ok(self.text_with_metadata().await?.map(|found| found.value))
    }

    /// Reads the value from JSON.
    ///
    /// # Errors
    ///
    /// [`CacheError::Decode`] when it is not JSON of a `T`, [`CacheError::Backend`].
    pub async fn json<T: DeserializeOwned>(self) -> Result<Option<T>> {
        Ok(self.json_with_metadata().await?.map(|found| found.value))
    }

    /// Reads the value's bytes, exactly as they are stored: over Cloudflare's REST interface by two requests, where
    /// [`text`](Self::text) and [`json`](Self::json) need one.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`].
    pub async fn bytes(self) -> Result<Option<Bytes>> {
        Ok(self.bytes_with_metadata().await?.map(|found| found.value))
    }

    /// Reads the value piece by piece, as it comes. After an error of the stream nothing follows.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`], here and in the stream.
    pub async fn stream(self) -> Result<Option<impl Stream<Item = Result<Bytes>> + Send + Unpin + use<>>> {
        Ok(self.stream_with_metadata().await?.map(|found| found.value))
    }

    /// [`text`](Self::text), with the metadata.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`].
    pub async fn text_with_metadata(self) -> Result<Option<WithMetadata<String>>> {
        let found = self.whole(false).await?;
        Ok(found.map(|WithMetadata { value, metadata }| {
            let value = String::from_utf8(value.into())
                .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
            WithMetadata { value, metadata }
        }))
    }

    /// [`json`](Self::json), with the metadata.
    ///
    /// # Errors
    ///
    /// [`CacheError::Decode`] when the value is not JSON of a `T`, [`CacheError::Backend`].
    pub async fn json_with_metadata<T: DeserializeOwned>(self) -> Result<Option<WithMetadata<T>>> {
        let backend = self.kv.backend.name();
        let Some(WithMetadata { value, metadata }) = self.whole(false).await? else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&value).map_err(|_| CacheError::Decode {
            operation: OPERATION,
            backend,
            codec: "JSON",
        })?;
        Ok(Some(WithMetadata { value, metadata }))
    }

    /// [`bytes`](Self::bytes), with the metadata.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`].
    pub async fn bytes_with_metadata(self) -> Result<Option<WithMetadata<Bytes>>> {
        self.whole(true).await
    }

    async fn whole(&self, exact: bool) -> Result<Option<WithMetadata<Bytes>>> {
        let found = self.read(exact).await.map_err(|error| self.kv.during(OPERATION, error))?;
        Ok(found.map(|(value, metadata)| WithMetadata { value, metadata: self.metadata(metadata) }))
    }

    /// [`stream`](Self::stream), with the metadata.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`], here and in the stream.
    pub async fn stream_with_metadata(
        self,
    ) -> Result<Option<WithMetadata<impl Stream<Item = Result<Bytes>> + Send + Unpin + use<>>>> {
        let found = self.open().await.map_err(|error| self.kv.during(OPERATION, error))?;
        let backend = self.kv.backend.name();
        let during = move |source| CacheError::Backend { operation: OPERATION, backend, source };
        Ok(found.map(|found| WithMetadata {
            value: Map(found.value, move |piece: Result<_, _>| piece.map_err(during)),
            metadata: self.metadata(found.metadata),
        }))
    }

    async fn read(&self, exact: bool) -> Result<Option<(Bytes, Option<Arc<str>>)>, BackendError> {
        if exact || self.cache_ttl.is_some() {
            let Some(found) = self.open().await? else { return Ok(None) };
            return Ok(Some((collect(found.value).await?, found.metadata)));
        }
        Request::Get.check_key(self.key)?;
        let found = self.kv.backend.get(self.key).await?;
        Ok(found.map(|entry| (entry.value, entry.metadata)))
    }

    async fn open(&self) -> Result<Option<StreamedEntry>, BackendError> {
        Request::Get.check_key(self.key)?;
        let cache_ttl = Request::Get.check_cache_ttl(self.cache_ttl)?;
        self.kv.backend.get_stream(self.key, cache_ttl).await
    }

    fn metadata(&self, text: Option<Arc<str>>) -> Option<KvMetadata> {
        KvMetadata::of(text, self.kv.backend.name())
    }
}

impl fmt::Debug for KvGet<'_> {
    /// Does not show the key.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KvGet").field("cache_ttl", &self.cache_ttl).finish_non_exhaustive()
    }
}
