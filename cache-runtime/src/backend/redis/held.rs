//! Leases that this process holds, and their renewal while it loads.
//!
//! A lease is short, so that the readers of a process that died wait little; a load may be long. Who holds one
//! gives it back or fills, always, as long as the process lives; so all that are held are renewed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use redis::Pipeline;

use super::connection::Again;
use super::live::Live;
use super::scripts::Script;
use super::servers::{Group, Servers};

/// How long a lease lasts without renewal.
pub(super) const LEASE_LIFE_MS: u64 = 3_000;
/// How often leases are renewed.
const INTERVAL: Duration = Duration::from_secs(1);

/// The leases that are held.
pub(super) struct Held {
    leases: Mutex<Leases>,
    /// How long a lease is renewed: nobody may fill what took longer to load.
    longest_load: Duration,
    servers: Weak<Servers>,
    this: Weak<Self>,
}

#[derive(Default)]
struct Leases {
    by_token: HashMap<u128, Lease>,
    /// Whether a task renews them.
    renewed: bool,
}

struct Lease {
    key: Box<str>,
    since: Instant,
    over: Over,
}

/// What a lease stands in place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// Nothing: it is all that the key holds.
    Nothing,
    /// A stale value, which it marks.
    Stale,
}

impl Held {
    pub(super) fn new(servers: &Arc<Servers>, longest_load: Duration) -> Arc<Self> {
        Arc::new_cyclic(|this| Self {
            leases: Mutex::default(),
            longest_load,
            servers: Arc::downgrade(servers),
            this: this.clone(),
        })
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a lease that was taken.
    pub(super) fn grant(&self, key: &str, token: u128, over: Over) {
        let mut leases = self.leases();
        leases.by_token.insert(token, Lease { key: key.into(), since: Instant::now(), over });
        if !std::mem::replace(&mut leases.renewed, true) {
            tokio::spawn(renew(self.this.clone()));
        }
    }

    /// Forgets a lease that was used or given back.
    pub(super) fn let_go(&self, token: u128) -> Option<Over> {
        self.leases().by_token.remove(&token).map(|lease| lease.over)
    }

    /// Those that are due; none when no lease is left, and the task ends.
    fn due(&self) -> Option<Vec<(u128, Box<str>)>> {
        let mut leases = self.leases();
        let now = Instant::now();
        leases.by_token.retain(|_, lease| now.duration_since(lease.since) < self.longest_load);
        if leases.by_token.is_empty() {
            leases.renewed = false;
            return None;
        }
        let due = leases.by_token.iter().filter(|(_, lease)| now.duration_since(lease.since) >= INTERVAL / 2);
        Some(due.map(|(token, lease)| (*token, lease.key.clone())).collect())
    }
}

async fn renew(held: Weak<Held>) {
    // A task that is dropped with its executor leaves others to the next one.
    struct Stopped(Weak<Held>);
    impl Drop for Stopped {
        fn drop(&mut self) {
            if let Some(held) = self.0.upgrade() {
                held.leases().renewed = false;
            }
        }
    }
    let stopped = Stopped(held.clone());
    loop {
        tokio::time::sleep(INTERVAL).await;
        let Some(held) = held.upgrade() else { return };
        let Some(due) = held.due() else {
            // `due` said so with the lock held; a task that came since must not be called stopped.
            std::mem::forget(stopped);
            return;
        };
        let Some(servers) = held.servers.upgrade() else { return };
        let keys: Vec<&str> = due.iter().map(|(_, key)| &**key).collect();
        let groups = servers.groups(&keys);
        let life = LEASE_LIFE_MS.to_string();
        let build = |live: &Live, group: &Group<'_>, pipeline: &mut Pipeline| {
            for (token, key) in group.places.iter().filter_map(|place| due.get(*place)) {
                let arguments: [&[u8]; 2] = [&token.to_be_bytes(), life.as_bytes()];
                live.script(pipeline, Script::Renew, &[key], &arguments);
            }
        };
        // A lease that is not renewed ends: its load is not stored, which harms nobody.
        drop(servers.call(Again::May, &groups, build).await);
    }
}
