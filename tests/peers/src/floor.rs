//! What no cache can go below: a table of one type, in shards, a coarse clock, an integer as key.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;

use crate::case::{Case, Gives, KeyOf, Side};
use crate::value::{self, Project, TTL};

const SHARDS: usize = 16;

/// Milliseconds since the program began, moved by a thread.
static NOW: AtomicU64 = AtomicU64::new(0);

#[repr(align(128))]
struct Shard<V>(RwLock<HashMap<u64, (u64, V), RandomState>>);

/// The table.
pub struct Floor<V> {
    shards: [Shard<V>; SHARDS],
    hasher: RandomState,
}

impl<V: Clone> Floor<V> {
    fn new() -> Self {
        std::thread::spawn(|| {
            let start = Instant::now();
            loop {
                std::thread::sleep(Duration::from_millis(1));
                let now = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
                NOW.store(now, Ordering::Relaxed);
            }
        });
        Self { shards: std::array::from_fn(|_| Shard(RwLock::default())), hasher: RandomState::default() }
    }

    fn shard(&self, id: u64) -> &RwLock<HashMap<u64, (u64, V), RandomState>> {
        let hash = self.hasher.hash_one(id);
        &self.shards[usize::try_from(hash >> 40).unwrap_or_default() % SHARDS].0
    }

    async fn get(&self, id: u64, load: fn(u64) -> V) -> V {
        let now = NOW.load(Ordering::Relaxed);
        {
            let shard = self.shard(id).read().unwrap_or_else(PoisonError::into_inner);
            if let Some((until, value)) = shard.get(&id)
                && now < *until
            {
                return value.clone();
            }
        }
        let value = load(id);
        let mut shard = self.shard(id).write().unwrap_or_else(PoisonError::into_inner);
        shard.insert(id, (now + TTL * 1_000, value.clone()));
        value
    }
}

/// The floor, and the clone alone.
pub fn cases() -> Vec<Case> {
    let shared: &'static Floor<Arc<Project>> = Box::leak(Box::new(Floor::new()));
    let owned: &'static Floor<Project> = Box::leak(Box::new(Floor::new()));
    // A cache's values are not all as near to the processor as a single one.
    let each: Vec<Arc<Project>> = value::ids().map(Project::load_shared).collect();
    let (one, one_shared) = (Project::load(1_000_000), Project::load_shared(1_000_000));
    vec![
        Case::new("floor: sharded table", KeyOf::U64, Gives::Arc, |id| shared.get(id, Project::load_shared)),
        Case::new("floor: sharded table", KeyOf::U64, Gives::Clone, |id| owned.get(id, Project::load)),
        Case::sync("the clone alone", KeyOf::U64, Gives::Arc, move |_| Arc::clone(&one_shared)),
        Case::sync("the clone alone", KeyOf::U64, Gives::Clone, move |_| one.clone()),
        Case::sync("the clone alone, of each in turn", KeyOf::U64, Gives::Clone, move |id| {
            each.get(usize::try_from(id).unwrap_or_default() % each.len()).map(|one| Project::clone(one))
        }),
    ]
    .into_iter()
    .map(|case| case.of(Side::Floor))
    .collect()
}
