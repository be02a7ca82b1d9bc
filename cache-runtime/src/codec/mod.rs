//! Values to bytes and back, and the small metadata that says what the bytes cannot.

#[cfg(feature = "postcard")]
mod depth;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_core::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_core::ser::{SerializeMap, Serializer};
use serde_core::{Deserialize, Serialize};

use crate::clock::millis;
use crate::error::{BoxError, CacheError, Result as CacheResult};

/// How values become bytes.
///
/// Values that are nested more than 128 levels deep are written, but not read back: bytes could nest without end, and
/// overflow the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Codec {
    /// JSON by `serde_json`, which programs in other languages read too.
    #[default]
    Json,
    /// [MessagePack](https://msgpack.org), with the names of fields: smaller and faster than JSON, and read by other
    /// languages.
    #[cfg(feature = "message-pack")]
    MessagePack,
    /// The format of [`postcard`](https://docs.rs/postcard) after one byte that tells it from others: the smallest. It
    /// describes nothing, so raise `version = …` of the attributes with every change of a type.
    #[cfg(feature = "postcard")]
    Postcard,
}

/// How deep a value may be nested, as `serde_json` has it.
#[cfg(any(feature = "message-pack", feature = "postcard"))]
const DEEPEST: u16 = 128;

/// Before values in the format of `postcard`, which could be read out of any bytes. It neither begins a text in UTF-8 nor
/// a value in `MessagePack`.
#[cfg(feature = "postcard")]
const POSTCARD: u8 = 0xc1;

impl Codec {
    /// The name, for messages.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            #[cfg(feature = "message-pack")]
            Self::MessagePack => "MessagePack",
            #[cfg(feature = "postcard")]
            Self::Postcard => "postcard",
        }
    }

    /// Encodes a value; stops as soon as it is longer than `limit`.
    pub(crate) fn encode<V: Serialize + ?Sized>(
        self,
        value: &V,
        limit: usize,
        operation: &'static str,
    ) -> CacheResult<Bytes> {
        let mut out = Limited::new(limit);
        let result: Result<(), BoxError> = match self {
            Self::Json => serde_json::to_writer(&mut out, value).map_err(Into::into),
            #[cfg(any(feature = "message-pack", feature = "postcard"))]
            _ if write_integer(&mut out, value) => Ok(()),
            #[cfg(feature = "message-pack")]
            Self::MessagePack => rmp_serde::encode::write_named(&mut out, value).map_err(Into::into),
            #[cfg(feature = "postcard")]
            Self::Postcard => {
                let marked = io::Write::write_all(&mut out, &[POSTCARD]).map_err(Into::into);
                marked.and_then(|()| postcard::to_io(value, &mut out).map(drop).map_err(Into::into))
            }
        };
        match result {
            Ok(()) => Ok(out.bytes.into()),
            Err(_) if out.exceeded => Err(CacheError::ValueTooLarge { operation, limit }),
            Err(source) => Err(CacheError::Encode { operation, codec: self.name(), source }),
        }
    }

    /// Decodes a value. The codec's own error could quote the value, so it is not kept.
    pub(crate) fn decode<V: DeserializeOwned>(self, bytes: &[u8]) -> Option<V> {
        match self {
            // Once for all of it: the reader of bytes would look at each text in it whether that is UTF-8.
            Self::Json => serde_json::from_str(std::str::from_utf8(bytes).ok()?).ok(),
            #[cfg(any(feature = "message-pack", feature = "postcard"))]
            _ if is_integer(bytes) => serde_json::from_slice(bytes).ok(),
            #[cfg(feature = "message-pack")]
            Self::MessagePack => {
                // Of a slice, whose texts are lent: from a reader each would be copied first.
                let mut reader = rmp_serde::Deserializer::from_read_ref(bytes);
                reader.set_max_depth(DEEPEST.into());
                let value = V::deserialize(&mut reader).ok()?;
                is_at_end(&mut reader).then_some(value)
            }
            #[cfg(feature = "postcard")]
            Self::Postcard => {
                let mut reader = postcard::Deserializer::from_bytes(bytes.strip_prefix(&[POSTCARD])?);
                let value = V::deserialize(depth::Limited::new(&mut reader, DEEPEST)).ok()?;
                reader.finalize().is_ok_and(<[u8]>::is_empty).then_some(value)
            }
        }
    }
}

/// Whether there is nothing left. It does not tell by itself, but that there is no next value to begin.
#[cfg(feature = "message-pack")]
fn is_at_end(reader: &mut rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'_, [u8]>>) -> bool {
    use rmp_serde::decode::Error;
    // Of what is no scalar it takes the first byte alone.
    matches!(u8::deserialize(reader), Err(Error::InvalidMarkerRead(why)) if why.kind() == io::ErrorKind::UnexpectedEof)
}

/// Whether this is an integer in decimal, as counters are stored whatever the codec is.
#[cfg(any(feature = "message-pack", feature = "postcard"))]
fn is_integer(bytes: &[u8]) -> bool {
    let integer = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<i64>().ok());
    integer.is_some_and(|integer| itoa::Buffer::new().format(integer).as_bytes() == bytes)
}

/// Writes a value that is an integer as a counter is stored. Returns whether it is one.
#[cfg(any(feature = "message-pack", feature = "postcard"))]
fn write_integer<V: Serialize + ?Sized>(out: &mut Limited, value: &V) -> bool {
    /// As long as an `i64` can be.
    const LONGEST: usize = 20;
    let mut text = Limited::new(LONGEST.min(out.limit));
    let is_written = serde_json::to_writer(&mut text, value).is_ok() && is_integer(&text.bytes);
    if is_written {
        out.bytes = text.bytes;
    }
    is_written
}

/// A buffer that refuses to grow beyond a limit.
struct Limited {
    bytes: Vec<u8>,
    limit: usize,
    exceeded: bool,
}

impl Limited {
    fn new(limit: usize) -> Self {
        Self { bytes: Vec::with_capacity(limit.min(128)), limit, exceeded: false }
    }
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

/// What is stored beside a cached value. Plain values have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// 1 for a negative entry: the load said that there is no value.
    negative: u8,
    /// The version of the value's type.
    pub(crate) version: u32,
    /// For how many milliseconds the entry is kept after its value stopped being fresh.
    window: u64,
    /// The tags, so that also who does not know them can ask for their generations.
    pub(crate) tags: Vec<String>,
    /// The generations of the tags when the load began, in one number.
    pub(crate) generations: u64,
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

// By hand, since a derive would cost each build of each user two seconds. The names are short, since a backend may limit
// metadata to 1,024 bytes.
impl Serialize for Marks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(None)?;
        if self.negative > 0 {
            fields.serialize_entry("n", &self.negative)?;
        }
        if self.version > 0 {
            fields.serialize_entry("v", &self.version)?;
        }
        if self.window > 0 {
            fields.serialize_entry("w", &self.window)?;
        }
        if !self.tags.is_empty() {
            fields.serialize_entry("t", &self.tags)?;
        }
        if self.generations > 0 {
            fields.serialize_entry("g", &self.generations)?;
        }
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Marks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reading)
    }
}

/// Marks that are being read.
struct Reading;

impl<'de> Visitor<'de> for Reading {
    type Value = Marks;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the marks of a value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Marks, A::Error> {
        let mut marks = Marks::default();
        // Borrowed: a name that is written with an escape is not ours.
        while let Some(name) = fields.next_key::<&str>()? {
            match name {
                "n" => marks.negative = fields.next_value()?,
                "v" => marks.version = fields.next_value()?,
                "w" => marks.window = fields.next_value()?,
                "t" => marks.tags = fields.next_value()?,
                "g" => marks.generations = fields.next_value()?,
                _ => {
                    fields.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(marks)
    }
}
