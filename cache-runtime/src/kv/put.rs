//! A write of one value.

use std::fmt;
use std::sync::Arc;

use serde_core::Serialize;

use super::KvNamespace;
use crate::backend::limits::{self, Request};
use crate::backend::{Expiration, NativePut, SetOutcome, ValueBody};
use crate::error::{BackendError, CacheError, Result};

const OPERATION: &str = "put";

/// A write that is about to be made, see [`KvNamespace::put`].
#[must_use = "it stores nothing until `execute` is awaited"]
pub struct KvPut<'a> {
    kv: &'a KvNamespace,
    key: &'a str,
    value: ValueBody,
    ttl: Option<u64>,
    at: Option<u64>,
    metadata: Option<Arc<str>>,
}

impl<'a> KvPut<'a> {
    pub(super) fn new(kv: &'a KvNamespace, key: &'a str, value: ValueBody) -> Self {
        Self { kv, key, value, ttl: None, at: None, metadata: None }
    }

    /// The value ends so many seconds from now: at least 60 on Cloudflare. It wins over
    /// [`expiration`](Self::expiration).
    pub fn expiration_ttl(mut self, seconds: u64) -> Self {
        self.ttl = Some(seconds);
        self
    }

    /// The value ends at this second of the Unix calendar, on Cloudflare at least 60 from now.
    pub fn expiration(mut self, unix_seconds: u64) -> Self {
        self.at = Some(unix_seconds);
        self
    }

    /// Stores this beside the value, as at most 1,024 bytes of JSON. What serializes to `null` is no metadata.
    ///
    /// # Errors
    ///
    /// [`CacheError::Encode`] when it cannot be serialized.
    pub fn metadata<M: Serialize + ?Sized>(mut self, metadata: &M) -> Result<Self> {
        let text = serde_json::to_string(metadata).map_err(|source| CacheError::Encode {
            operation: OPERATION,
            codec: "JSON",
            source: source.into(),
        })?;
        self.metadata = (text != "null").then(|| text.into());
        Ok(self)
    }

    /// Stores the value. A method that is writing the key's source at the moment
    /// ([`SetOutcome::Superseded`]) keeps it from being stored, on backends with barriers.
    ///
    /// # Errors
    ///
    /// [`CacheError::Backend`].
    pub async fn execute(self) -> Result<SetOutcome> {
        let kv = self.kv;
        self.store().await.map_err(|error| kv.during(OPERATION, error))
    }

    async fn store(self) -> Result<SetOutcome, BackendError> {
        let Self { kv, key, value, ttl, at, metadata } = self;
        Request::Put.check_key(key)?;
        if let ValueBody::Whole(bytes) = &value {
            limits::check_value(bytes.len())?;
        }
        limits::check_metadata(metadata.as_deref())?;
        let expiration = match (ttl, at) {
            (Some(seconds), _) => Expiration::In(seconds),
            (None, Some(at)) => Expiration::At(at),
            (None, None) => Expiration::Never,
        };
        kv.backend.put_native(key, value, NativePut { expiration, metadata }).await
    }
}

impl fmt::Debug for KvPut<'_> {
    /// Shows neither key nor value.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("KvPut");
        shown.field("expiration_ttl", &self.ttl).field("expiration", &self.at).finish_non_exhaustive()
    }
}
