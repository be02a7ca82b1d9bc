//! What Cloudflare KV's interface has beyond the cache's: values in streams, and ends at a point of the calendar.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use super::{Entry, limits};
use crate::clock::Clock;
use crate::error::BackendError;
use crate::pieces::{Once, next};

/// The bytes of a value, piece by piece. After an error nothing follows.
pub type ByteStream = Pin<Box<dyn Stream<Item = Result<Bytes, BackendError>> + Send>>;

/// When a value ends, as Cloudflare KV says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Expiration {
    /// It does not.
    #[default]
    Never,
    /// So many seconds from now.
    In(u64),
    /// At this second of the Unix calendar.
    At(u64),
}

impl Expiration {
    /// The time to live from now on.
    ///
    /// # Errors
    ///
    /// [`BackendError::Rejected`] for an end that is not in the future.
    pub fn to_ttl(self, clock: &Clock) -> Result<Option<Duration>, BackendError> {
        limits::check_expiration(self, clock, false)
    }
}

/// What goes with a value into the store, see [`Backend::put_native`](super::Backend::put_native).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NativePut {
    /// When it ends.
    pub expiration: Expiration,
    /// JSON text stored beside the value, at most 1,024 bytes.
    pub metadata: Option<Arc<str>>,
}

/// A value to be stored: whole, or as a stream.
#[non_exhaustive]
pub enum ValueBody {
    /// All of it.
    Whole(Bytes),
    /// As it comes. An error of the stream stores nothing.
    Stream(ByteStream),
}

impl ValueBody {
    /// All of the bytes.
    ///
    /// # Errors
    ///
    /// The stream's; [`BackendError::Rejected`] as soon as there are more than 26,214,400 bytes.
    pub async fn collect(self) -> Result<Bytes, BackendError> {
        match self {
            Self::Whole(bytes) => Ok(bytes),
            Self::Stream(stream) => collect(stream).await,
        }
    }
}

impl fmt::Debug for ValueBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Whole(_) => "ValueBody::Whole",
            Self::Stream(_) => "ValueBody::Stream",
        })
    }
}

/// All that a stream holds, no more than a value may.
pub(crate) async fn collect(mut stream: ByteStream) -> Result<Bytes, BackendError> {
    let mut all = BytesMut::new();
    while let Some(piece) = next(&mut stream).await {
        all.extend_from_slice(&piece?);
        limits::check_value(all.len())?;
    }
    Ok(all.freeze())
}

/// A value that is being read, see [`Backend::get_stream`](super::Backend::get_stream).
pub struct StreamedEntry {
    /// The bytes.
    pub value: ByteStream,
    /// How long the value still lives; `None` when it has no end.
    pub expires_in: Option<Duration>,
    /// The JSON text that was stored beside it.
    pub metadata: Option<Arc<str>>,
}

impl From<Entry> for StreamedEntry {
    fn from(entry: Entry) -> Self {
        let Entry { value, expires_in, metadata, .. } = entry;
        Self { value: Box::pin(Once(Some(Ok(value)))), expires_in, metadata }
    }
}

impl fmt::Debug for StreamedEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("StreamedEntry");
        shown.field("expires_in", &self.expires_in).finish_non_exhaustive()
    }
}
