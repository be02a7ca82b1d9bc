//! The refreshes in the background: how many run, and which have just failed.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::quality::RandomState;

use super::Store;
use crate::signal::Signal;

/// How many may run at once in one store. Beyond that stale values are served without a refresh.
const MOST: usize = 64;

/// How long after a failure the same key is not refreshed again.
const PAUSE: Duration = Duration::from_secs(1);

/// How many failures are remembered. Those of more keys at once are refreshed without a pause.
const REMEMBERED: usize = 1_024;

/// See the module.
#[derive(Default)]
pub(crate) struct Refreshes {
    running: AtomicUsize,
    /// No more are started.
    closed: AtomicBool,
    /// Told when one ends.
    ended: Signal,
    /// Until when a key is not refreshed again, by its full name.
    paused: Mutex<HashMap<Box<str>, Duration>>,
    drawn: AtomicU64,
    random: RandomState,
}

/// A refresh that runs. Dropped before its [end](Self::end), it has failed.
pub(crate) struct Refreshing {
    store: Arc<Store>,
    full_key: Box<str>,
    ended: bool,
}

impl Refreshes {
    /// Counts a refresh as running; `None` if as many run as may, or the last one of the key has just failed.
    pub(crate) fn begin(&self, store: &Arc<Store>, full_key: &str) -> Option<Refreshing> {
        if self.closed.load(Ordering::Relaxed) {
            return None;
        }
        {
            let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
            match paused.get(full_key) {
                Some(until) if store.clock.now() < *until => return None,
                Some(_) => drop(paused.remove(full_key)),
                None => {}
            }
        }
        let more = |running| (running < MOST).then_some(running + 1);
        self.running.fetch_update(Ordering::AcqRel, Ordering::Relaxed, more).ok()?;
        Some(Refreshing { store: Arc::clone(store), full_key: full_key.into(), ended: false })
    }

    /// How many run.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Acquire)
    }

    /// Lets no more be started, and waits until none runs.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.ended.wait_until(|| self.running() == 0).await;
    }

    fn pause(&self, full_key: &str, now: Duration) {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        if paused.len() >= REMEMBERED {
            paused.retain(|_, until| now < *until);
        }
        if paused.len() < REMEMBERED {
            paused.insert(full_key.into(), now.saturating_add(PAUSE));
        }
    }

    /// A random number.
    pub(crate) fn chance(&self) -> u64 {
        let mut hasher = self.random.build_hasher();
        hasher.write_u64(self.drawn.fetch_add(1, Ordering::Relaxed));
        hasher.finish()
    }
}

impl Refreshing {
    /// The longest that one may run.
    pub(crate) const LIMIT: Duration = Duration::from_secs(30);

    /// It has not failed.
    pub(crate) fn end(mut self) {
        self.ended = true;
    }
}

impl Drop for Refreshing {
    fn drop(&mut self) {
        let refreshes = &self.store.refreshes;
        if !self.ended {
            refreshes.pause(&self.full_key, self.store.clock.now());
        }
        refreshes.running.fetch_sub(1, Ordering::AcqRel);
        refreshes.ended.changed();
    }
}
