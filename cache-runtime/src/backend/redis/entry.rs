//! From what stands under a key to what the cache makes of it, and back.

use std::time::Duration;

use bytes::Bytes;

use super::live::{Live, millis};
use super::state::{State, Value, is_canonical_integer};
use super::tokens;
use crate::backend::{Entry, PutOptions};

/// The longest time to live in milliseconds: the server adds it to its clock, and Lua counts exactly to 2^53.
const LONGEST_MS: u64 = 1 << 52;

/// What a read makes of what stands under a key.
pub(super) enum Found {
    Nothing,
    /// A value, with its time left.
    Value(Entry),
    /// Bytes without an envelope; only the server knows their time left.
    Plain(Bytes),
    /// A value of a history that is over, by its id.
    Outdated(u64),
    Leased,
    Barred,
}

impl Found {
    /// By the epoch and the server's clock of the connection that told.
    pub(super) fn of(raw: Option<Bytes>, (epoch, now): (u64, u64)) -> Self {
        let Some(raw) = raw else { return Self::Nothing };
        match State::parse(raw) {
            State::Lease(_) => Self::Leased,
            State::Barrier { .. } => Self::Barred,
            State::Foreign(bytes) => Self::Plain(bytes),
            State::Value(value) | State::Refresh { value, .. } => Self::of_value(value, epoch, now),
        }
    }

    fn of_value(value: Value, epoch: u64, now: u64) -> Self {
        if epoch != 0 && value.epoch != epoch {
            return Self::Outdated(value.id);
        }
        Self::Value(Entry {
            expires_in: time_left(value.deadline, now),
            value: value.bytes,
            metadata: value.metadata,
            revision: value.id,
        })
    }
}

/// Bytes without an envelope, with what `PTTL` says of them; nothing where they are gone by now.
pub(super) fn plain(bytes: Bytes, pttl: i64) -> Option<Entry> {
    let expires_in = match pttl {
        -2 => return None,
        -1 => None,
        left => Some(Duration::from_millis(u64::try_from(left).unwrap_or(1).max(1))),
    };
    Some(Entry { value: bytes, expires_in, metadata: None, revision: 0 })
}

/// The time left until a deadline, by the server's clock. The server removes what is over, so that something is left of all it gives.
pub(super) fn time_left(deadline: u64, now: u64) -> Option<Duration> {
    (deadline != 0).then(|| Duration::from_millis(deadline.saturating_sub(now).max(1)))
}

/// A time to live as the server wants it: whole milliseconds, at least one; empty for none.
pub(super) fn px(ttl: Option<Duration>) -> String {
    ttl.map_or_else(String::new, |ttl| px_of(ttl).to_string())
}

pub(super) fn px_of(ttl: Duration) -> u64 {
    millis(ttl).clamp(1, LONGEST_MS)
}

/// When a time to live that begins now is over, by the server's clock.
pub(super) fn deadline(ttl: Option<Duration>, live: &Live) -> u64 {
    ttl.map_or(0, |ttl| live.now().saturating_add(px_of(ttl)))
}

/// The bytes of a value in its envelope, of the epoch given.
pub(super) fn enveloped(bytes: &Bytes, options: &PutOptions, epoch: u64, live: &Live) -> Vec<u8> {
    Value {
        id: tokens::unique(),
        epoch,
        deadline: deadline(options.ttl, live),
        metadata: options.metadata.clone(),
        bytes: bytes.clone(),
    }
    .write()
}

/// The bytes to store for a value that somebody puts: a number without metadata stands as plain digits, so that
/// it counts on the server.
pub(super) fn put(bytes: &Bytes, options: &PutOptions, live: &Live) -> Vec<u8> {
    if options.metadata.is_none() && is_canonical_integer(bytes) {
        bytes.to_vec()
    } else {
        enveloped(bytes, options, live.epoch, live)
    }
}

/// The bytes to store for what is state, no copy of something: as they are, without an epoch that a restart would
/// end; in an envelope only what would else be taken for one, or has metadata.
pub(super) fn state(bytes: &Bytes, options: &PutOptions, live: &Live) -> Vec<u8> {
    if options.metadata.is_none() && matches!(State::parse(bytes.clone()), State::Foreign(_)) {
        bytes.to_vec()
    } else {
        enveloped(bytes, options, live.epoch, live)
    }
}
