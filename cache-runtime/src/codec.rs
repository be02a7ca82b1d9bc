//! Values to bytes and back, and the small metadata that says what the bytes cannot.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::clock::millis;
use crate::error::{CacheError, Result as CacheResult};

/// How values become bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Codec {
    /// JSON by `serde_json`, which programs in other languages read too.
    #[default]
    Json,
}

impl Codec {
    /// The name, for messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
        }
    }

    /// Encodes a value; stops as soon as it is longer than `limit`.
    pub(crate) fn encode<V: Serialize + ?Sized>(
        self,
        value: &V,
        limit: usize,
        operation: &'static str,
    ) -> CacheResult<Bytes> {
        let mut out = Limited { bytes: Vec::with_capacity(128), limit, exceeded: false };
        let result = match self {
            Self::Json => serde_json::to_writer(&mut out, value),
        };
        match result {
            Ok(()) => Ok(out.bytes.into()),
            Err(_) if out.exceeded => Err(CacheError::ValueTooLarge { operation, limit }),
            Err(source) => Err(CacheError::Encode { operation, codec: self.name(), source: source.into() }),
        }
    }

    /// Decodes a value. The codec's own error could quote the value, so it is not kept.
    pub(crate) fn decode<V: DeserializeOwned>(self, bytes: &[u8]) -> Option<V> {
        match self {
            Self::Json => serde_json::from_slice(bytes).ok(),
        }
    }
}

/// A buffer that refuses to grow beyond a limit.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
    exceeded: bool,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.limit {
            self.exceeded = true;
            return Err(io::Error::other("the value is too large"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is stored beside a cached value: short JSON names, since a backend may limit it to 1,024 bytes. Plain
/// values have none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    /// 1 for a negative entry: the load said that there is no value.
    #[serde(rename = "n", default, skip_serializing_if = "is_zero")]
    negative: u8,
    /// The version of the value's type.
    #[serde(rename = "v", default, skip_serializing_if = "is_zero_version")]
    pub(crate) version: u32,
    /// For how many milliseconds the entry is kept after its value stopped being fresh.
    #[serde(rename = "w", default, skip_serializing_if = "is_none")]
    window: u64,
    /// The tags, so that also who does not know them can ask for their generations.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
    /// The generations of the tags when the load began, in one number.
    #[serde(rename = "g", default, skip_serializing_if = "is_none")]
    pub(crate) generations: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(value: &u8) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero_version(value: &u32) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(value: &u64) -> bool {
    *value == 0
}

impl Marks {
    pub(crate) const fn new(negative: bool, version: u32) -> Self {
        Self { negative: negative as u8, version, window: 0, tags: Vec::new(), generations: 0 }
    }

    /// The entry outlives the freshness of its value by so much.
    pub(crate) fn with_window(mut self, window: Duration) -> Self {
        self.window = millis(window);
        self
    }

    /// The entry carries tags, which had these generations.
    pub(crate) fn with_tags(mut self, tags: Vec<String>, generations: u64) -> Self {
        self.tags = tags;
        self.generations = generations;
        self
    }

    pub(crate) const fn window(&self) -> Duration {
        Duration::from_millis(self.window)
    }

    /// How long the value is still fresh, of an entry that lives for `expires_in`; `Err` with how long it has not
    /// been any more.
    pub(crate) fn fresh_for(&self, expires_in: Option<Duration>) -> Result<Option<Duration>, Duration> {
        match expires_in {
            Some(left) if self.window > 0 => match left.checked_sub(self.window()) {
                Some(fresh) if !fresh.is_zero() => Ok(Some(fresh)),
                _ => Err(self.window().saturating_sub(left)),
            },
            left => Ok(left),
        }
    }

    pub(crate) const fn is_negative(&self) -> bool {
        self.negative != 0
    }

    /// The metadata to store; `None` when there is nothing to say.
    pub(crate) fn to_metadata(&self) -> Option<Arc<str>> {
        if *self == Self::default() {
            return None;
        }
        serde_json::to_string(self).ok().map(Into::into)
    }

    /// Reads metadata; somebody else's says nothing to us.
    pub(crate) fn from_metadata(metadata: Option<&str>) -> Self {
        metadata.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }
}
