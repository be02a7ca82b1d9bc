//! What services share: the backend, the local tier before it, and the loads in flight.

mod flight;
mod inside;
mod local_tier;
mod refreshes;
mod retries;
mod sync;
mod tags;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

pub(crate) use flight::{Entered, Leader, SharedError, WaitLimits, Waited, Waiter, leading};
pub(crate) use inside::{Deferred, Inside, Scope, Way};
pub(crate) use local_tier::{Deadlines, Hit, Prepared, Shared, Sought, Tier};

pub(crate) use refreshes::{Refreshes, Refreshing};
pub(crate) use tags::{Counted, TagCounts};

pub use local_tier::LocalTier;

use crate::backend::{Backend, InvalidationSink};
use crate::clock::Clock;
use crate::key::Prefix;
use flight::Flights;
use retries::Retries;

/// The local tier of a service that was given none, over a backend in this process.
const DEFAULT_ENTRIES: usize = 100_000;

/// How long a call waits for another's load of the same key before it loads beside it, if there is room for one
/// more; as long again before it does so anyhow.
const WAITS: WaitLimits = WaitLimits { outside: Duration::from_secs(5), inside: Duration::from_millis(250) };

/// A backend with what this process keeps before it.
pub(crate) struct Store {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) clock: Clock,
    pub(crate) flights: Flights,
    pub(crate) waits: WaitLimits,
    tier: Option<Tier>,
    /// What this process hears of tags, by the keys of their generations.
    pub(crate) tags: Arc<TagCounts>,
    /// The backend tells of every change of a key, whoever makes it.
    told: bool,
    namespaces: RwLock<HashMap<Box<str>, u32>>,
    pub(crate) retries: Retries,
    pub(crate) refreshes: Refreshes,
    /// Nothing is read from the cache.
    disabled: AtomicBool,
}

impl Store {
    /// Over a backend in this process that tells of changes, a local tier is coherent and so on by default; over
    /// another one only `local_tier` turns it on.
    pub(crate) fn new(backend: Arc<dyn Backend>, clock: Clock, local_tier: Option<LocalTier>) -> Arc<Self> {
        Arc::new_cyclic(|this: &Weak<Self>| {
            let sink: Weak<dyn InvalidationSink> = this.clone();
            let told = backend.subscribe(sink);
            let default =
                || (told && backend.capabilities().in_process).then(|| LocalTier::new(DEFAULT_ENTRIES));
            let tier = local_tier.or_else(default).map(LocalTier::build);
            let tags = tier.as_ref().map_or_else(Arc::default, |tier| Arc::clone(tier.tags()));
            let namespaces = RwLock::default();
            Self {
                backend,
                clock,
                flights: Flights::new(),
                waits: WAITS,
                tier,
                tags,
                told,
                namespaces,
                retries: Retries::default(),
                refreshes: Refreshes::default(),
                disabled: AtomicBool::new(false),
            }
        })
    }

    /// The number by which the local tier, the flights and scopes know a prefix, in all of the program.
    pub(crate) fn namespace(&self, prefix: &str) -> u32 {
        static NAMESPACES: AtomicU32 = AtomicU32::new(0);
        let mut namespaces = self.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        let next = || NAMESPACES.fetch_add(1, Ordering::Relaxed);
        *namespaces.entry(prefix.into()).or_insert_with(next)
    }

    /// What the keys of every prefix in use start with, and the generations of its tags.
    fn prefixes(&self) -> Vec<String> {
        let namespaces = self.namespaces.read().unwrap_or_else(PoisonError::into_inner);
        let of = |prefix: &str| [format!("{prefix}:"), format!("{prefix}{}:", Prefix::GENERATIONS)];
        namespaces.keys().flat_map(|prefix| of(prefix)).collect()
    }

    /// The local tier, if there is one.
    #[inline]
    pub(crate) fn tier(&self) -> Option<&Tier> {
        self.tier.as_ref()
    }

    /// What a call of this key may do now.
    pub(crate) fn way(&self, namespace: u32, key: &str) -> Way {
        if self.is_disabled() { Way::Around } else { Inside::way(namespace, key) }
    }

    /// Whether nothing is read from the cache.
    pub(crate) fn is_disabled(&self) -> bool {
        self.disabled.load(Ordering::Acquire)
    }

    /// Sees to it that nothing is read from the cache. A hit does not ask whether that is so: it finds nothing, since
    /// the local tier is emptied, and what is promoted meanwhile is not let in.
    pub(crate) fn disable(&self) {
        self.disabled.store(true, Ordering::SeqCst);
        self.changed_prefix("");
    }

    /// Undoes [`disable`](Self::disable).
    pub(crate) fn enable(&self) {
        self.disabled.store(false, Ordering::SeqCst);
    }

    /// Whether no change of a key can go unnoticed in this process.
    pub(crate) fn is_coherent(&self) -> bool {
        self.told && self.backend.capabilities().in_process
    }

    /// Stands around a change that this process makes of keys: what is known of them here is forgotten when it
    /// begins and, since a read may have come between, when it ends, even if by cancellation.
    pub(crate) fn changing<'k>(&self, keys: impl IntoIterator<Item = &'k str>) -> Changing<'_> {
        // A backend that tells of changes tells of this one too.
        let keys = if self.told { Vec::new() } else { keys.into_iter().map(str::to_owned).collect() };
        Changing::begin(self, keys, None)
    }

    /// The same for every key that starts with a prefix.
    pub(crate) fn changing_prefix(&self, full_prefix: &str) -> Changing<'_> {
        Changing::begin(self, Vec::new(), (!self.told).then(|| full_prefix.to_owned()))
    }
}

impl InvalidationSink for Store {
    fn changed(&self, full_key: &str) {
        let Some((prefix, key)) = full_key.split_once(':') else { return };
        if let Some(prefix) = prefix.strip_suffix(Prefix::GENERATIONS) {
            return match key {
                // The tag of every entry.
                "" => self.changed_prefix(&format!("{prefix}:")),
                _ => self.tags.changed(full_key),
            };
        }
        let namespace = self.namespaces.read().unwrap_or_else(PoisonError::into_inner).get(prefix).copied();
        let Some(namespace) = namespace else { return };
        // In this order: a flight may promote until it is cut off.
        self.flights.invalidate(namespace, key);
        if let Some(tier) = &self.tier {
            tier.remove(namespace, key);
        }
    }

    fn changed_prefix(&self, full_prefix: &str) {
        // Perhaps some generations, too.
        if full_prefix.split_once(':').is_none_or(|(prefix, _)| prefix.ends_with(Prefix::GENERATIONS)) {
            self.tags.all_changed();
        }
        let namespaces = self.namespaces.read().unwrap_or_else(PoisonError::into_inner);
        let of_key = full_prefix.split_once(':');
        for (prefix, namespace) in namespaces.iter() {
            let key_prefix = match of_key {
                Some((own, rest)) if own == &**prefix => rest,
                // Shorter than a prefix and its colon: everything below it.
                None if prefix.starts_with(full_prefix) => "",
                _ => continue,
            };
            self.flights.invalidate_matching(*namespace, key_prefix);
            if let Some(tier) = &self.tier {
                tier.remove_matching(*namespace, key_prefix);
            }
        }
    }
}

/// See [`Store::changing`].
pub(crate) struct Changing<'s> {
    store: &'s Store,
    keys: Vec<String>,
    prefix: Option<String>,
}

impl<'s> Changing<'s> {
    fn begin(store: &'s Store, keys: Vec<String>, prefix: Option<String>) -> Self {
        let changing = Self { store, keys, prefix };
        changing.tell();
        changing
    }

    fn tell(&self) {
        self.keys.iter().for_each(|key| self.store.changed(key));
        self.prefix.iter().for_each(|prefix| self.store.changed_prefix(prefix));
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.tell();
    }
}

#[cfg(test)]
mod flight_tests;
#[cfg(test)]
mod local_tier_tests;
