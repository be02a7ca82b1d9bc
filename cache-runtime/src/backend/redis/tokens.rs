//! The tokens of leases and writers.

pub(super) use crate::unique::unique;

/// A token that remembers the epoch in which it was given, so that what is stored under it carries that one
/// and no later one.
pub(super) fn token(epoch: u64) -> u128 {
    (u128::from(unique()) << 64) | u128::from(epoch)
}

/// The epoch in which a token was given.
pub(super) fn epoch_of(token: u128) -> u64 {
    u64::try_from(token & u128::from(u64::MAX)).unwrap_or_default()
}

/// A part of 1,000, for jitter.
pub(super) fn permille() -> u32 {
    u32::try_from(unique() % 1_001).unwrap_or_default()
}
