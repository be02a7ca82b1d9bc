//! The JSON beside a value.

use std::fmt;
use std::sync::Arc;

use serde_core::de::DeserializeOwned;

use crate::error::{CacheError, Result};

/// JSON that was stored beside a value.
#[derive(Clone, PartialEq, Eq)]
pub struct KvMetadata {
    text: Arc<str>,
    backend: &'static str,
}

impl KvMetadata {
    pub(super) fn of(text: Option<Arc<str>>, backend: &'static str) -> Option<Self> {
        text.map(|text| Self { text, backend })
    }

    /// The JSON text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The metadata as an `M`.
    ///
    /// # Errors
    ///
    /// [`CacheError::Decode`] when it is no `M`.
    pub fn json<M: DeserializeOwned>(&self) -> Result<M> {
        let decode = |_| CacheError::Decode { operation: "metadata", backend: self.backend, codec: "JSON" };
        serde_json::from_str(&self.text).map_err(decode)
    }
}

impl fmt::Debug for KvMetadata {
    /// Does not show it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KvMetadata").field("length", &self.text.len()).finish_non_exhaustive()
    }
}

/// A value, with the metadata that was stored beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WithMetadata<T> {
    /// The value.
    pub value: T,
    /// What was stored beside it; `None` if nothing was.
    pub metadata: Option<KvMetadata>,
}

impl<T> WithMetadata<T> {
    /// The metadata as an `M`; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`CacheError::Decode`] when it is no `M`.
    pub fn metadata<M: DeserializeOwned>(&self) -> Result<Option<M>> {
        self.metadata.as_ref().map(KvMetadata::json).transpose()
    }
}
