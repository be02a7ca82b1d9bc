//! The single-flight: one load for all who miss the same key at the same time.
//!
//! ```text
//! enter ──▶ Lead ──▶ begin, load ──▶ seal ──▶ fill ──▶ promote_if_valid ──▶ finish ──▶ waiters: Value
//!       │                │               nobody joins a fill     │          fail ────▶ waiters: Failed, or LoadYourself
//!       │                │                               not after an invalidation
//!       │                └─ dropped, panicked ──▶ one waiter: Lead
//!       └─▶ Wait ─ too long ──▶ LoadYourself, later TimedOut
//! ```
//!
//! A flight is in the table from `enter` until it is invalidated or its last leader has left it answered, or
//! without waiters. A sealed one stays there
//! too, closed to joiners, so that an invalidation finds it. Locks are taken in the order shard, flight; no
//! foreign code (a waker, a clone, a drop of a value) runs under either, but for the closure of a promotion.

mod depth;
mod leader;
mod state;
mod waiter;

use std::any::Any;
use std::hash::{BuildHasher, Hasher};

use foldhash::quality::RandomState;
use hashbrown::HashTable;

pub(crate) use depth::{WaitLimits, leading};
pub(crate) use leader::Leader;
pub(crate) use state::SharedError;
pub(crate) use waiter::{Waited, Waiter};

use super::sync::{Arc, Mutex, MutexGuard, OnceLock, lock};
use super::tags::Counted;
use state::{Outcome, State};

/// How many locks the table is split over.
const SHARDS: usize = 64;

/// How the tags of a key were counted.
type Tags = std::sync::Arc<Counted>;

/// Every load in flight, of all keys and types of value.
pub(crate) struct Flights(Arc<Table>);

/// What a caller of [`Flights::enter`] is to do.
pub(crate) enum Entered<T> {
    /// Load; nobody else is.
    Lead(Leader<T>),
    /// Wait for the one that loads.
    Wait(Waiter<T>),
}

struct Table {
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
}

type Shard = HashTable<Listed>;

/// A flight in the table. Those of one key and type that are not open have been sealed.
struct Listed {
    hash: u64,
    namespace: u32,
    key: Box<str>,
    open: bool,
    /// How the tags of its key were counted when it began.
    counted: Option<Tags>,
    flight: Arc<dyn Invalidate>,
}

/// A flight whose type of value is not known.
trait Invalidate: Any + Send + Sync {
    fn invalidate(&self);
    fn outdate(&self);
}

struct Flight<T> {
    table: Arc<Table>,
    hash: u64,
    state: Mutex<State<T>>,
    /// The answer to all who wait, once there is one, which they take without waiting for each other.
    ended: OnceLock<Outcome<T>>,
}

impl Flights {
    pub(crate) fn new() -> Self {
        Self::with_shards(SHARDS)
    }

    /// A table over `shards` locks, at least one.
    pub(crate) fn with_shards(shards: usize) -> Self {
        let shards = (0..shards.max(1)).map(|_| Mutex::new(HashTable::new())).collect();
        Self(Arc::new(Table { shards, hasher: RandomState::default() }))
    }

    /// Joins the open flight of the key and type, or leads a new one. Never waits; joining does not allocate.
    ///
    /// `counted` is how the tags of the key, if it has some, are counted now. A flight that began when they were counted otherwise is
    /// cut off.
    pub(crate) fn enter<T: Clone + Send + Sync + 'static>(
        &self,
        namespace: u32,
        key: &str,
        counted: Option<&Tags>,
    ) -> Entered<T> {
        let hash = self.0.hash(namespace, key);
        let mut shard = self.0.shard(hash);
        let mut cut = None;
        if let Ok(found) = shard.find_entry(hash, |listed| listed.is_open_for::<T>(namespace, key)) {
            if found.get().counted.as_ref() != counted {
                let listed = found.remove().0;
                listed.flight.invalidate();
                cut = Some(listed);
            } else if let Some(waiter) = found.get().join() {
                return Entered::Wait(waiter);
            }
        }
        let leader = self.list(&mut shard, hash, namespace, key, counted);
        drop(shard);
        drop(cut);
        Entered::Lead(leader)
    }

    /// Joins the open flight of the key and type that began when its tags were counted like this, if there is one:
    /// for who does not want to lead now. Never waits.
    pub(crate) fn join<T: Clone + Send + Sync + 'static>(
        &self,
        namespace: u32,
        key: &str,
        counted: Option<&Tags>,
    ) -> Option<Waiter<T>> {
        let hash = self.0.hash(namespace, key);
        let shard = self.0.shard(hash);
        let listed = shard.find(hash, |listed| listed.is_open_for::<T>(namespace, key))?;
        if listed.counted.as_ref() == counted { listed.join() } else { None }
    }

    /// Leads, if nobody does: for who does not want to wait.
    pub(crate) fn lead<T: Clone + Send + Sync + 'static>(
        &self,
        namespace: u32,
        key: &str,
    ) -> Option<Leader<T>> {
        let hash = self.0.hash(namespace, key);
        let mut shard = self.0.shard(hash);
        let led = shard.find(hash, |listed| listed.is_open_for::<T>(namespace, key)).is_some();
        (!led).then(|| self.list(&mut shard, hash, namespace, key, None))
    }

    fn list<T: Clone + Send + Sync + 'static>(
        &self,
        shard: &mut Shard,
        hash: u64,
        namespace: u32,
        key: &str,
        counted: Option<&Tags>,
    ) -> Leader<T> {
        let (table, state) = (Arc::clone(&self.0), Mutex::new(State::led()));
        let flight = Arc::new(Flight { table, hash, state, ended: OnceLock::new() });
        let listed = Listed {
            hash,
            namespace,
            key: key.into(),
            open: true,
            counted: counted.cloned(),
            flight: Arc::<Flight<T>>::clone(&flight),
        };
        shard.insert_unique(hash, listed, |listed| listed.hash);
        Leader::new(flight, 0, true)
    }

    /// Cuts off the flights of a key, of every type: they are not promoted any more, and who comes now starts
    /// another. Those who are in them still get their value.
    ///
    /// Remove the key from the local tier after this, not before: a flight may promote until it returns.
    pub(crate) fn invalidate(&self, namespace: u32, key: &str) {
        let hash = self.0.hash(namespace, key);
        let mut cut = Vec::new();
        {
            let mut shard = self.0.shard(hash);
            while let Ok(found) = shard.find_entry(hash, |listed| listed.is_of(namespace, key)) {
                // While it is listed. Another invalidation that no longer finds it may return at once, and then it
                // must not be promoted any more.
                let listed = found.remove().0;
                listed.flight.invalidate();
                cut.push(listed);
            }
        }
        // Outside of the lock: the last one to hold a flight drops its value.
        drop(cut);
    }

    /// Keeps the flights of a key from being promoted, of every type, and cuts nobody off: somebody, perhaps the
    /// flight's own leader by its lease, has changed the key in a backend that all processes share.
    ///
    /// Remove the key from the local tier after this, not before: a flight may promote until it returns.
    pub(crate) fn outdate(&self, namespace: u32, key: &str) {
        let hash = self.0.hash(namespace, key);
        let shard = self.0.shard(hash);
        shard
            .iter_hash(hash)
            .filter(|listed| listed.is_of(namespace, key))
            .for_each(|listed| listed.flight.outdate());
    }

    /// [`outdate`](Self::outdate) for every key of the namespace that starts with `prefix`; for all of them when it
    /// is empty.
    pub(crate) fn outdate_matching(&self, namespace: u32, prefix: &str) {
        for shard in &self.0.shards {
            let shard = lock(shard);
            let matching =
                shard.iter().filter(|listed| listed.namespace == namespace && listed.key.starts_with(prefix));
            matching.for_each(|listed| listed.flight.outdate());
        }
    }

    /// [`invalidate`](Self::invalidate) for every key of the namespace that starts with `prefix`; for all of them
    /// when it is empty.
    pub(crate) fn invalidate_matching(&self, namespace: u32, prefix: &str) {
        for shard in &self.0.shards {
            let mut shard = lock(shard);
            let cut: Vec<Listed> = shard
                .extract_if(|listed| listed.namespace == namespace && listed.key.starts_with(prefix))
                .inspect(|listed| listed.flight.invalidate())
                .collect();
            drop(shard);
            drop(cut);
        }
    }

    /// How many flights are in the table.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.shards.iter().map(|shard| lock(shard).len()).sum()
    }
}

impl Table {
    fn hash(&self, namespace: u32, key: &str) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u32(namespace);
        hasher.write(key.as_bytes());
        hasher.finish()
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The table inside the shard goes by the lowest and the highest bits.
        let index = (hash >> 32) as usize % self.shards.len();
        lock(&self.shards[index])
    }
}

impl Listed {
    fn is_of(&self, namespace: u32, key: &str) -> bool {
        self.namespace == namespace && *self.key == *key
    }

    fn is_open_for<T: Send + Sync + 'static>(&self, namespace: u32, key: &str) -> bool {
        self.open && self.is_of(namespace, key) && (&*self.flight as &dyn Any).is::<Flight<T>>()
    }

    /// Joins the flight, with its shard locked.
    fn join<T: Clone + Send + Sync + 'static>(&self) -> Option<Waiter<T>> {
        let flight: Arc<dyn Any + Send + Sync> = Arc::<dyn Invalidate>::clone(&self.flight);
        let flight = flight.downcast::<Flight<T>>().ok()?;
        let ticket = lock(&flight.state).join();
        Some(Waiter::new(flight, ticket))
    }
}

impl<T: Send + Sync + 'static> Invalidate for Flight<T> {
    fn invalidate(&self) {
        lock(&self.state).valid = false;
    }

    fn outdate(&self) {
        lock(&self.state).outdated = true;
    }
}

impl<T> Flight<T> {
    /// Closes the flight to joiners.
    fn seal(&self) {
        let mut shard = self.table.shard(self.hash);
        if let Some(listed) = shard.find_mut(self.hash, |listed| self.is(listed)) {
            listed.open = false;
        }
    }

    /// Changes the state with the shard locked too, so that nobody joins meanwhile, and unlists the flight if
    /// the change says that it is over.
    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let mut shard = self.table.shard(self.hash);
        let mut state = lock(&self.state);
        let result = change(&mut state);
        let over = state.is_over();
        drop(state);
        if over && let Ok(found) = shard.find_entry(self.hash, |listed| self.is(listed)) {
            let unlisted = found.remove().0;
            drop(shard);
            drop(unlisted);
        }
        result
    }

    fn is(&self, listed: &Listed) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&listed.flight), self)
    }
}
