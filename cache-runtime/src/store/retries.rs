//! Invalidations that the backend refused: tried again until they are done, their keys bypassed meanwhile.

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::Store;
use crate::backend::InvalidationSink;
use crate::error::BackendError;
use crate::rt;
use crate::together::join;

/// How many keys are remembered one by one. Beyond that the whole store is bypassed until all are done.
const MOST: usize = 10_000;
/// How many are sent at once.
const BATCH: usize = 256;
/// The first and the longest time between two tries.
const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// How long one try may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The invalidations that are still to be done.
#[derive(Default)]
pub(crate) struct Retries {
    state: Mutex<State>,
    /// How many keys wait, for the reader that need not lock.
    waiting: AtomicUsize,
}

#[derive(Default)]
struct State {
    /// The number of the key's newest invalidation: only the retry of that one ends the waiting.
    keys: HashMap<String, u64>,
    next: u64,
    /// More keys than are remembered: everything is bypassed, and all of the store's prefixes are cleared.
    overflowed: bool,
    is_running: bool,
}

impl Retries {
    /// How many keys wait.
    pub(crate) fn len(&self) -> usize {
        self.waiting.load(Ordering::Acquire)
    }

    /// Whether what the backend has under this key may be older than an invalidation.
    pub(crate) fn bypasses(&self, full_key: &str) -> bool {
        self.len() > 0 && {
            let state = self.lock();
            state.overflowed || state.keys.contains_key(full_key)
        }
    }

    /// The keys were invalidated after all, by a newer write.
    pub(crate) fn done(&self, keys: &[&str]) {
        if self.len() > 0 {
            let mut state = self.lock();
            for key in keys {
                state.keys.remove(*key);
            }
            self.publish(&state);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish(&self, state: &State) {
        self.waiting.store(state.keys.len() + usize::from(state.overflowed), Ordering::Release);
    }
}

impl Store {
    /// Remembers keys whose invalidation failed, and sees to it that it is tried again.
    pub(crate) fn retry_later(self: &Arc<Self>, keys: &[String]) {
        let retries = &self.retries;
        let mut state = retries.lock();
        for key in keys {
            // The backend cannot have told of a change that it refused.
            self.changed(key);
            if state.keys.len() >= MOST && !state.keys.contains_key(key) {
                state.overflowed = true;
            } else {
                state.next += 1;
                let number = state.next;
                state.keys.insert(key.clone(), number);
            }
        }
        retries.publish(&state);
        if !std::mem::replace(&mut state.is_running, true) {
            drop(state);
            rt::settle(run(Arc::downgrade(self)));
        }
    }

    /// Finishes what goes on in the background, for `limit` at most.
    pub(crate) async fn close(&self, limit: Duration) {
        rt::at_most(&self.clock, limit, async {
            join(self.refreshes.close(), self.retry_now()).await;
        })
        .await;
    }

    /// Tries until nothing waits, without the patience of the background.
    async fn retry_now(&self) {
        while self.retries.len() > 0 {
            let is_done = self.retry().await;
            // Where nobody keeps the time, a sleep has no end.
            if !is_done && !rt::keeps_time(&self.clock) {
                return;
            }
            if !is_done {
                self.clock.sleep(WAITS.0).await;
            }
        }
    }

    async fn within_limit<T>(
        &self,
        operation: impl Future<Output = Result<T, BackendError>> + Unpin,
    ) -> Result<T, BackendError> {
        rt::within(&self.clock, LIMIT, operation).await
    }

    /// Tries once. Returns whether anything was done.
    async fn retry(&self) -> bool {
        let (batch, overflowed) = {
            let state = self.retries.lock();
            let batch: Vec<(String, u64)> =
                state.keys.iter().take(BATCH).map(|(key, at)| (key.clone(), *at)).collect();
            (batch, state.overflowed)
        };
        if overflowed {
            for prefix in self.prefixes() {
                if self.within_limit(self.backend.delete_prefix(&prefix)).await.is_err() {
                    return false;
                }
            }
            self.retries.lock().overflowed = false;
        }
        let names: Vec<&str> = batch.iter().map(|(key, _)| key.as_str()).collect();
        if !names.is_empty()
            && self.within_limit(self.backend.finish_write(&names, None, None)).await.is_err()
        {
            return false;
        }
        let mut state = self.retries.lock();
        for (key, number) in &batch {
            if state.keys.get(key) == Some(number) {
                state.keys.remove(key);
            }
        }
        self.retries.publish(&state);
        true
    }
}

/// Tries until nothing waits or the store is gone.
async fn run(store: Weak<Store>) {
    let mut wait = WAITS.0;
    loop {
        let Some(clock) = store.upgrade().map(|store| store.clock.clone()) else { return };
        clock.sleep(wait).await;
        let Some(store) = store.upgrade() else { return };
        wait = if store.retry().await { WAITS.0 } else { (wait * 2).min(WAITS.1) };
        let mut state = store.retries.lock();
        if state.keys.is_empty() && !state.overflowed {
            state.is_running = false;
            return;
        }
    }
}
