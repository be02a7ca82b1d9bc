//! A load that another process leads: wait a little for its value.

use std::time::Duration;

use crate::backend::Read;
use crate::rt;
use crate::service::KvCacheService;

/// The first and the longest time between two looks.
const PAUSES: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(50));

/// Reads those keys that another process is loading again and again, until they are there or free, or the time for that
/// is over. Whoever has taken a lease waits for nobody: two that each hold what the other waits for would wait in vain.
pub(super) async fn wait(cache: &KvCacheService, keys: &[&str], mut reads: Vec<Read>) -> Vec<Read> {
    // Within one process calls wait for each other's loads already, if they can use their values.
    if cache.backend().capabilities().in_process {
        return reads;
    }
    let clock = cache.clock();
    let limit = cache.lease_wait().min(cache.store().waits.here());
    let until = clock.now().saturating_add(limit);
    let mut pause = PAUSES.0;
    loop {
        let leads = reads.iter().any(|read| matches!(read, Read::Miss(_)));
        let waiting: Vec<usize> =
            (0..reads.len()).filter(|place| matches!(reads.get(*place), Some(Read::Leased))).collect();
        let left = until.saturating_sub(clock.now());
        if leads || waiting.is_empty() || left.is_zero() || !rt::keeps_time(clock) {
            return reads;
        }
        clock.sleep(jittered(cache, pause).min(left)).await;
        pause = (pause * 2).min(PAUSES.1);
        let asked: Vec<&str> = waiting.iter().filter_map(|place| keys.get(*place).copied()).collect();
        // What has been read is good, even if no more can be had.
        let Ok(found) = cache.bounded(cache.backend().read_many(&asked)).await else { return reads };
        for (place, found) in waiting.into_iter().zip(found) {
            if let Some(read) = reads.get_mut(place) {
                *read = found;
            }
        }
    }
}

/// Between a half and the whole of a pause.
fn jittered(cache: &KvCacheService, pause: Duration) -> Duration {
    let half = pause / 2;
    let chance = cache.store().refreshes.chance() % 1_024;
    half + half * u32::try_from(chance).unwrap_or_default() / 1_024
}
