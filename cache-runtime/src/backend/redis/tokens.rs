//! Numbers that no other process and no other call has.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that nobody else has: a count under a keyed hash whose keys the operating system gave.
///
/// 64 bits tell the writes of one key apart (nobody compares those of different keys), and need not be secret:
/// who can write to the server needs no token.
pub(super) fn unique() -> u64 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let keys = KEYS.get_or_init(RandomState::new);
    // Never 0, which stands for "not known".
    keys.hash_one((std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))).max(1)
}

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
