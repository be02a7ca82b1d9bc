//! What stands under a key: the states of the protocol as bytes, parsed and written.
//!
//! The first byte names the state, the second the version of the format, 1; whatever does not begin so, or is
//! not whole, is foreign: a counter's digits, or data of another program. The scripts read the same layout (all
//! numbers big-endian):
//!
//! ```text
//! lease    L 1 token[16]
//! value    V 1 id[8] epoch[8] deadline[8] metadata-length[2] metadata bytes
//! refresh  R 1 token[16] deadline[8] value
//! barrier  B 1 contended[1] (token[16] deadline[8])+
//! ```
//!
//! A deadline is in milliseconds since 1970 by the server's clock; 0 is none.

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};

/// The version of the format.
const VERSION: u8 = 1;
/// State and version.
const MARK: usize = 2;
/// A token.
const TOKEN: usize = 16;
/// From the first byte to the metadata's length, and the length itself.
pub(super) const VALUE_HEAD: usize = MARK + 8 + 8 + 8 + 2;
/// State, version, token and deadline before the value that is being refreshed.
const REFRESH_HEAD: usize = MARK + TOKEN + 8;
/// State, version and the contended flag before the writers.
const BARRIER_HEAD: usize = MARK + 1;
/// A token and a deadline.
const WRITER: usize = TOKEN + 8;

/// What stands under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Somebody loads.
    Lease(u128),
    /// A value.
    Value(Value),
    /// A stale value that the owner of the token refreshes.
    Refresh { token: u128, deadline: u64, value: Value },
    /// Writers are at work.
    Barrier { contended: bool, writers: Vec<(u128, u64)> },
    /// Bytes without a state.
    Foreign(Bytes),
}

/// A value with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// Tells this write of the key from every other.
    pub(super) id: u64,
    /// Which history of the server it belongs to; 0 where the server does not tell.
    pub(super) epoch: u64,
    /// When it ends.
    pub(super) deadline: u64,
    /// The JSON text beside it.
    pub(super) metadata: Option<Arc<str>>,
    /// The codec's bytes.
    pub(super) bytes: Bytes,
}

impl State {
    /// Reads any bytes: what is no state of ours is foreign.
    pub(super) fn parse(mut raw: Bytes) -> Self {
        let known = match raw.get(..MARK) {
            Some([b'L', VERSION]) => parse_lease(&raw),
            Some([b'V', VERSION]) => Value::parse(&raw).map(|(value, start)| {
                let mut bytes = std::mem::take(&mut raw);
                // Not a slice beside the whole, which would have to count who has a part of it.
                bytes.advance(start);
                Self::Value(Value { bytes, ..value })
            }),
            Some([b'R', VERSION]) => parse_refresh(&raw),
            Some([b'B', VERSION]) => parse_barrier(&raw),
            _ => None,
        };
        known.unwrap_or(Self::Foreign(raw))
    }
}

fn parse_lease(raw: &Bytes) -> Option<State> {
    if raw.len() != MARK + TOKEN {
        return None;
    }
    Some(State::Lease(u128::from_be_bytes(number(raw, MARK)?)))
}

fn parse_refresh(raw: &Bytes) -> Option<State> {
    let token = u128::from_be_bytes(number(raw, MARK)?);
    let deadline = u64::from_be_bytes(number(raw, MARK + TOKEN)?);
    if raw.get(REFRESH_HEAD..REFRESH_HEAD + MARK)? != [b'V', VERSION] {
        return None;
    }
    let (value, start) = Value::parse(raw.get(REFRESH_HEAD..)?)?;
    let bytes = raw.slice(REFRESH_HEAD + start..);
    Some(State::Refresh { token, deadline, value: Value { bytes, ..value } })
}

fn parse_barrier(raw: &Bytes) -> Option<State> {
    let (contended, writers) = (*raw.get(MARK)?, raw.get(BARRIER_HEAD..)?);
    if contended > 1 || writers.is_empty() || writers.len() % WRITER != 0 {
        return None;
    }
    let writers = writers.chunks_exact(WRITER).map(|writer| {
        Some((u128::from_be_bytes(number(writer, 0)?), u64::from_be_bytes(number(writer, TOKEN)?)))
    });
    Some(State::Barrier { contended: contended == 1, writers: writers.collect::<Option<_>>()? })
}

impl Value {
    /// Reads what is before the codec's bytes, from the state's letter on, and where those start.
    fn parse(raw: &[u8]) -> Option<(Self, usize)> {
        let head = Head::parse(raw)?;
        let length = usize::from(u16::from_be_bytes(number(raw, VALUE_HEAD - 2)?));
        let metadata = match raw.get(VALUE_HEAD..VALUE_HEAD + length)? {
            [] => None,
            text => Some(std::str::from_utf8(text).ok()?.into()),
        };
        let Head { id, epoch, deadline } = head;
        Some((Self { id, epoch, deadline, metadata, bytes: Bytes::new() }, VALUE_HEAD + length))
    }

    /// The bytes to store. Metadata is at most 1,024 bytes by contract; what no length can say is left out.
    pub(super) fn write(&self) -> Vec<u8> {
        let metadata = self.metadata.as_deref().unwrap_or_default();
        let (metadata, length) = u16::try_from(metadata.len()).map_or(("", 0), |length| (metadata, length));
        let mut raw = Vec::with_capacity(VALUE_HEAD + metadata.len() + self.bytes.len());
        raw.extend_from_slice(&[b'V', VERSION]);
        raw.put_u64(self.id);
        raw.put_u64(self.epoch);
        raw.put_u64(self.deadline);
        raw.put_u16(length);
        raw.extend_from_slice(metadata.as_bytes());
        raw.extend_from_slice(&self.bytes);
        raw
    }
}

/// What the first bytes of a value tell, without the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    id: u64,
    pub(super) epoch: u64,
    pub(super) deadline: u64,
}

impl Head {
    /// Reads the first [`VALUE_HEAD`] bytes or more of a value.
    pub(super) fn parse(raw: &[u8]) -> Option<Self> {
        if raw.len() < VALUE_HEAD || raw.get(..MARK)? != [b'V', VERSION] {
            return None;
        }
        Some(Self {
            id: u64::from_be_bytes(number(raw, MARK)?),
            epoch: u64::from_be_bytes(number(raw, MARK + 8)?),
            deadline: u64::from_be_bytes(number(raw, MARK + 16)?),
        })
    }
}

/// The bytes of a lease.
pub(super) fn write_lease(token: u128) -> [u8; MARK + TOKEN] {
    let mut raw = [0; MARK + TOKEN];
    raw[..MARK].copy_from_slice(&[b'L', VERSION]);
    raw[MARK..].copy_from_slice(&token.to_be_bytes());
    raw
}

/// The bytes of any state: what the scripts write, for the tests.
#[cfg(test)]
pub(super) fn write(state: &State) -> Vec<u8> {
    match state {
        State::Lease(token) => write_lease(*token).to_vec(),
        State::Value(value) => value.write(),
        State::Refresh { token, deadline, value } => {
            let mut raw = vec![b'R', VERSION];
            raw.put_u128(*token);
            raw.put_u64(*deadline);
            raw.extend(value.write());
            raw
        }
        State::Barrier { contended, writers } => {
            let mut raw = vec![b'B', VERSION, u8::from(*contended)];
            for (token, deadline) in writers {
                raw.put_u128(*token);
                raw.put_u64(*deadline);
            }
            raw
        }
        State::Foreign(bytes) => bytes.to_vec(),
    }
}

/// Whether the bytes are a whole number as Redis writes it, so that it counts there.
pub(super) fn is_canonical_integer(bytes: &[u8]) -> bool {
    // i64::MIN has 20 characters.
    bytes.len() <= 20
        && std::str::from_utf8(bytes)
            .ok()
            .and_then(|text| Some((text, text.parse::<i64>().ok()?)))
            .is_some_and(|(text, number)| itoa::Buffer::new().format(number) == text)
}

fn number<const SIZE: usize>(raw: &[u8], from: usize) -> Option<[u8; SIZE]> {
    raw.get(from..from + SIZE)?.try_into().ok()
}
