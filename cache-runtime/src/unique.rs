//! Numbers that no other process and no other call has.

use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number that nobody else has: a count under a keyed hash whose keys the operating system gave.
///
/// 64 bits tell apart what stands under one key (nobody compares those of different keys), and need not be secret:
/// who can write to the store needs no such number.
pub(crate) fn unique() -> u64 {
    static KEYS: OnceLock<RandomState> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let keys = KEYS.get_or_init(RandomState::new);
    // Never 0, which stands for "not known".
    keys.hash_one((of_process(), COUNT.fetch_add(1, Ordering::Relaxed))).max(1)
}

#[cfg(not(target_family = "wasm"))]
fn of_process() -> u32 {
    std::process::id()
}

/// On wasm every instance has the same keys and no process; two of them do not count the same in one instant.
#[cfg(target_family = "wasm")]
fn of_process() -> u128 {
    let now = web_time::SystemTime::now().duration_since(web_time::UNIX_EPOCH);
    now.map_or(0, |now| now.as_nanos())
}
