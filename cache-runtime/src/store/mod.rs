//! What services share: the backend, the local tier before it, and the loads in flight.

mod flight;
mod inside;
mod local_tier;
mod pushed;
mod refreshes;
mod retries;
pub(crate) mod sync;
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

use crate::backend::{Backend, Capabilities, InvalidationSink, Pushes};
use crate::clock::{Clock, millis};
use crate::key::Prefix;
use flight::Flights;
use pushed::Pushed;
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
    local: Local,
    /// A look at the backend costs less than to join a load, and ends by itself.
    pub(crate) shares_looks: bool,
    /// What this process hears of tags, by the keys of their generations.
    pub(crate) tags: Arc<TagCounts>,
    /// The longest that the local tier serves a value, in milliseconds.
    local_ttl: Option<u64>,
    /// The backend tells of every change of a key that this process makes, before it returns.
    told: bool,
    namespaces: RwLock<HashMap<Box<str>, u32>>,
    pub(crate) retries: Retries,
    pub(crate) refreshes: Refreshes,
    /// Nothing is read from the cache.
    disabled: AtomicBool,
}

/// The local tier, by what keeps it from serving what has changed.
enum Local {
    Off,
    /// Whoever changes a key tells before the change returns; or a `local_ttl` alone.
    Steady(Tier),
    /// The backend pushes every change. Where nothing is heard of it, the tier is as good as none.
    Pushed {
        tier: Tier,
        pushes: Arc<Pushes>,
        sink: Arc<Pushed>,
    },
}

/// Why a local tier cannot be before a backend; `None` if it can.
pub(crate) fn refuses(local_tier: LocalTier, backend: &dyn Backend) -> Option<String> {
    let Capabilities { in_process, pushes, .. } = backend.capabilities();
    let is_bounded = in_process || pushes || local_tier.ttl().is_some() || local_tier.is_off();
    (!is_bounded).then(|| {
        format!(
            "`{}` does not tell of changes that other processes make, so a local tier before it needs a bound for \
             how long they may go unnoticed: `LocalTier::local_ttl`",
            backend.name()
        )
    })
}

impl Store {
    /// Over a backend in this process that tells of changes, a local tier is coherent and so on by default; over
    /// another one only `local_tier` turns it on.
    pub(crate) fn new(
        backend: Arc<dyn Backend>,
        clock: Clock,
        local_tier: Option<LocalTier>,
        prefix: &str,
    ) -> Arc<Self> {
        let store = Arc::new_cyclic(|this: &Weak<Self>| {
            let sink: Weak<dyn InvalidationSink> = this.clone();
            let told = backend.subscribe(sink);
            let Capabilities { in_process, pushes, shared_looks, .. } = backend.capabilities();
            let default = || (told && in_process).then(|| LocalTier::new(DEFAULT_ENTRIES));
            let local_tier = local_tier.or_else(default).filter(|tier| !tier.is_off());
            let tier = local_tier.map(LocalTier::build);
            let tags = tier.as_ref().map_or_else(Arc::default, |tier| Arc::clone(tier.tags()));
            let local = match tier {
                None => Local::Off,
                Some(tier) if !in_process && pushes => {
                    let sink = Arc::new(Pushed(this.clone()));
                    let ear: Weak<dyn InvalidationSink> = Arc::<Pushed>::downgrade(&sink);
                    match backend.watch(prefix, ear) {
                        Some(pushes) => Local::Pushed { tier, pushes, sink },
                        None => Local::Off,
                    }
                }
                Some(tier) => Local::Steady(tier),
            };
            Self {
                backend,
                clock,
                flights: Flights::new(),
                waits: WAITS,
                shares_looks: shared_looks,
                local,
                local_ttl: local_tier.and_then(|tier| tier.ttl()).map(millis),
                tags,
                told,
                namespaces: RwLock::default(),
                retries: Retries::default(),
                refreshes: Refreshes::default(),
                disabled: AtomicBool::new(false),
            }
        });
        store.namespace(prefix);
        store
    }

    /// The number by which the local tier, the flights and scopes know a prefix, in all of the program.
    pub(crate) fn namespace(&self, prefix: &str) -> u32 {
        static NAMESPACES: AtomicU32 = AtomicU32::new(0);
        let mut namespaces = self.namespaces.write().unwrap_or_else(PoisonError::into_inner);
        let next = || NAMESPACES.fetch_add(1, Ordering::Relaxed);
        let namespace = *namespaces.entry(prefix.into()).or_insert_with(next);
        drop(namespaces);
        if let Local::Pushed { sink, .. } = &self.local {
            let ear: Weak<dyn InvalidationSink> = Arc::<Pushed>::downgrade(sink);
            // Before anybody can look into the tier for a key of this prefix.
            drop(self.backend.watch(prefix, ear));
        }
        namespace
    }

    /// What the keys of every prefix in use start with, and the generations of its tags.
    fn prefixes(&self) -> Vec<String> {
        let namespaces = self.namespaces.read().unwrap_or_else(PoisonError::into_inner);
        let of = |prefix: &str| [format!("{prefix}:"), format!("{prefix}{}:", Prefix::GENERATIONS)];
        namespaces.keys().flat_map(|prefix| of(prefix)).collect()
    }

    /// The local tier, if there is one that may serve now.
    #[inline]
    pub(crate) fn tier(&self) -> Option<&Tier> {
        match &self.local {
            Local::Off => None,
            Local::Steady(tier) => Some(tier),
            Local::Pushed { tier, pushes, .. } => {
                (pushes.are_heard() || self.local_ttl.is_some() && pushes.are_refused()).then_some(tier)
            }
        }
    }

    /// Whether a call looks before it joins a load: not where there is a tier to be filled, of which a flight hears what
    /// has changed meanwhile.
    pub(crate) const fn looks_first(&self) -> bool {
        self.shares_looks && matches!(self.local, Local::Off)
    }

    /// The local tier, whether it may serve or not.
    fn held_tier(&self) -> Option<&Tier> {
        match &self.local {
            Local::Off => None,
            Local::Steady(tier) | Local::Pushed { tier, .. } => Some(tier),
        }
    }

    /// Whether the local tier may hold what this process has just stored. Where changes are pushed, one by another
    /// process may have come since, and only what is read shows.
    pub(crate) fn keeps_fills(&self) -> bool {
        !matches!(self.local, Local::Pushed { .. })
    }

    /// When the local tier stops to serve a value that is read or stored now and is good until `fresh_until`, then
    /// stale until `stale_until`.
    pub(crate) fn held_until(&self, now_ms: u64, fresh_until: u64, stale_until: u64) -> Deadlines {
        match self.local_ttl.map(|ttl| now_ms.saturating_add(ttl)) {
            // What is known of it then is too old, not the value.
            Some(until) if until < fresh_until => Deadlines { fresh_until: until, stale_until: until },
            _ => Deadlines { fresh_until, stale_until },
        }
    }

    /// What a call of this key may do now.
    pub(crate) fn way<'k>(&self, namespace: u32, key: impl FnOnce() -> &'k str) -> Way {
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
    fn changed(&self, key: &str) {
        self.forget(key, Hearing::Told);
    }

    fn changed_prefix(&self, full_prefix: &str) {
        self.forget_prefix(full_prefix, Hearing::Told);
    }
}

/// How a change is heard of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hearing {
    /// Before it returns: who comes later loads anew.
    Told,
    /// Soon after it: what was read may be of before, and is not promoted.
    Pushed,
}

impl Store {
    fn forget(&self, full_key: &str, hearing: Hearing) {
        let Some((prefix, key)) = full_key.split_once(':') else { return };
        if let Some(prefix) = prefix.strip_suffix(Prefix::GENERATIONS) {
            return match key {
                // The tag of every entry.
                "" => self.forget_prefix(&format!("{prefix}:"), hearing),
                _ => self.tags.changed(full_key),
            };
        }
        let namespace = self.namespaces.read().unwrap_or_else(PoisonError::into_inner).get(prefix).copied();
        let Some(namespace) = namespace else { return };
        // In this order: a flight may promote until it is told.
        match hearing {
            Hearing::Told => self.flights.invalidate(namespace, key),
            Hearing::Pushed => self.flights.outdate(namespace, key),
        }
        if let Some(tier) = self.held_tier() {
            tier.remove(namespace, key);
        }
    }

    fn forget_prefix(&self, full_prefix: &str, hearing: Hearing) {
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
            match hearing {
                Hearing::Told => self.flights.invalidate_matching(*namespace, key_prefix),
                Hearing::Pushed => self.flights.outdate_matching(*namespace, key_prefix),
            }
            if let Some(tier) = self.held_tier() {
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
