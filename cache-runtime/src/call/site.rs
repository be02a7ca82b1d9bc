//! Where in the program something is cached or made stale, and what has happened there.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::tally::Tally;
use crate::error::CacheError;
use crate::key::{RawKey, Template, UnwrittenKey};
use crate::seldom::Seldom;
use crate::value::ValueType;

/// The type of the values under each template with constants, by its place in memory and the constants in the key.
static TYPES: Mutex<BTreeMap<(usize, String), ValueType>> = Mutex::new(BTreeMap::new());

static SITES: Mutex<Vec<&'static CallSite>> = Mutex::new(Vec::new());

/// Every call site of the program with the feature `key-map` (not on wasm32); without it, those that have missed or
/// written so far, in the order of their first time.
///
/// ```
/// for site in cache_runtime::call_sites() {
///     println!("{} {}: {:?}", site.function(), site.template(), site.stats());
/// }
/// ```
#[must_use]
pub fn call_sites() -> Vec<&'static CallSite> {
    #[cfg(all(feature = "key-map", not(target_family = "wasm")))]
    inventory::iter::<Registered>.into_iter().for_each(|registered| registered.0.register());
    SITES.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// A call site that is known from the start of the program.
#[cfg(all(feature = "key-map", not(target_family = "wasm")))]
pub struct Registered(pub &'static CallSite);

#[cfg(all(feature = "key-map", not(target_family = "wasm")))]
inventory::collect!(Registered);

/// Makes a call site known from the start of the program, where that is possible. The expansion cannot ask for the
/// feature, which would be the user's crate's, so it calls this.
#[cfg(all(feature = "key-map", not(target_family = "wasm")))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($site:ident) => {
        $crate::__private::inventory::submit! { $crate::__private::Registered(&$site) }
    };
}

/// Does nothing: call sites become known when they first miss or write.
#[cfg(not(all(feature = "key-map", not(target_family = "wasm"))))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($site:ident) => {};
}

/// An attribute in the program. The macros make one static of each.
pub struct CallSite {
    kind: CallSiteKind,
    keys: &'static [Template],
    function: &'static str,
    /// `None` for a method of the service.
    place: Option<&'static Location<'static>>,
    registered: AtomicBool,
    /// The value's type, as of the first miss: a generic function has one call site for all its types.
    value: OnceLock<ValueType>,
    warned: Seldom,
    counters: Counters,
}

/// What the attribute does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CallSiteKind {
    /// `#[cached]`
    Cached,
    /// `#[invalidates]`
    Invalidates,
    /// `#[updates]`
    Updates,
    /// `#[cache_key]`
    Declares,
    /// A method of the service, called by hand.
    Manual,
}

/// What has happened at a call site since the program began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CallSiteStats {
    /// Calls that were served from the cache.
    pub hits: u64,
    /// Calls that found nothing fresh.
    pub misses: u64,
    /// Times that the author's body ran to its end.
    pub loads: u64,
    /// How long those took, together.
    pub load_time: Duration,
    /// Loaded values that were stored.
    pub fills: u64,
    /// Keys made stale or updated.
    pub invalidations: u64,
    /// Calls that went by the cache: no valid key, another type than the call site's first, or a
    /// `ttl_from` of zero.
    pub uncached: u64,
    /// Stored values that could not be used: undecodable, or of another version.
    pub unusable: u64,
    /// Operations of the cache that failed; the calls went on without them.
    pub errors: u64,
    /// Calls that were served a value past its time to live. They count as misses, too.
    pub stale: u64,
    /// Background refreshes that were started.
    pub refreshes: u64,
}

#[derive(Default)]
struct Counters {
    /// Found in this process's memory.
    hits: Tally,
    /// Found in the backend.
    read: Tally,
    misses: Tally,
    loads: AtomicU64,
    load_nanos: AtomicU64,
    fills: AtomicU64,
    invalidations: AtomicU64,
    uncached: AtomicU64,
    unusable: AtomicU64,
    errors: AtomicU64,
    stale: AtomicU64,
    refreshes: AtomicU64,
}

/// Something to count.
#[derive(Clone, Copy)]
pub(crate) enum Event {
    Hit,
    Miss,
    Load(Duration),
    Fill,
    Invalidation,
    Uncached,
    Unusable,
    Error,
    Stale,
    Refresh,
}

/// What a span is about.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    Load,
    Fill,
    /// A barrier is opened.
    Begin,
    /// Keys are made stale or updated.
    End,
}

impl CallSite {
    const fn new(
        kind: CallSiteKind,
        keys: &'static [Template],
        function: &'static str,
        place: Option<&'static Location<'static>>,
    ) -> Self {
        const fn zero() -> AtomicU64 {
            AtomicU64::new(0)
        }
        let counters = Counters {
            hits: Tally::new(),
            read: Tally::new(),
            misses: Tally::new(),
            loads: zero(),
            load_nanos: zero(),
            fills: zero(),
            invalidations: zero(),
            uncached: zero(),
            unusable: zero(),
            errors: zero(),
            stale: zero(),
            refreshes: zero(),
        };
        let registered = AtomicBool::new(false);
        Self {
            kind,
            keys,
            function,
            place,
            registered,
            value: OnceLock::new(),
            warned: Seldom::new(),
            counters,
        }
    }

    /// The site of a `#[cached]`.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn cached(keys: &'static [Template], function: &'static str) -> Self {
        Self::new(CallSiteKind::Cached, keys, function, Some(Location::caller()))
    }

    /// The site of an `#[invalidates]`.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn invalidates(keys: &'static [Template], function: &'static str) -> Self {
        Self::new(CallSiteKind::Invalidates, keys, function, Some(Location::caller()))
    }

    /// The site of an `#[updates]`.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn updates(keys: &'static [Template], function: &'static str) -> Self {
        Self::new(CallSiteKind::Updates, keys, function, Some(Location::caller()))
    }

    /// The site of a `#[cache_key]`.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub const fn declares(keys: &'static [Template], function: &'static str) -> Self {
        Self::new(CallSiteKind::Declares, keys, function, Some(Location::caller()))
    }

    /// The site of a service method.
    pub(crate) const fn manual(function: &'static str) -> Self {
        Self::new(CallSiteKind::Manual, &[], function, None)
    }

    /// What the attribute does.
    #[must_use]
    pub const fn kind(&self) -> CallSiteKind {
        self.kind
    }

    /// The path of the function.
    #[must_use]
    pub const fn function(&self) -> &'static str {
        self.function
    }

    /// The key templates, or the expressions that name declared keys, as they are written. A `#[cached]` has one;
    /// a method of the service has none.
    pub fn templates(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.keys.iter().filter(|template| !template.is_tag()).map(Template::text)
    }

    /// The templates of the tags, or the expressions that name declared ones.
    pub fn tags(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.keys.iter().filter(|template| template.is_tag()).map(Template::text)
    }

    /// The first template; empty where there is none.
    #[must_use]
    pub fn template(&self) -> &'static str {
        self.keys.first().map_or("", Template::text)
    }

    /// Writes a key of the site's template.
    #[doc(hidden)]
    #[must_use]
    pub fn write(&'static self, key: impl UnwrittenKey) -> RawKey {
        key.write(self.keys.first().unwrap_or(Template::UNTYPED))
    }

    /// The version of the value's type that the attribute says; 0 where it says none.
    #[inline]
    fn version(&self) -> u32 {
        self.keys.first().map_or(0, Template::declared_version)
    }

    /// The same, or the version that the key's own template declares.
    #[inline]
    pub(crate) fn version_of(&self, key: &impl UnwrittenKey) -> u32 {
        match self.version() {
            own @ (0 | Template::TAGGED) => own | key.version(),
            own => own,
        }
    }

    /// What tells the keys that are written here from all others.
    #[inline]
    pub(crate) fn origin(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Counts a hit. A site with a hit has missed before, so it is in the list.
    #[inline]
    pub(crate) fn hit(&self) {
        self.counters.hits.add_one();
    }

    pub(crate) const fn keys(&self) -> &'static [Template] {
        self.keys
    }

    /// The type of the values under the site's template, where one was stored and the key tells no types apart.
    pub(crate) fn value_type(&self) -> Option<&ValueType> {
        self.value.get()
    }

    /// The source file.
    #[must_use]
    pub fn file(&self) -> &'static str {
        self.place.map_or("", Location::file)
    }

    /// The line in the source file, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.place.map_or(0, Location::line)
    }

    /// What has happened here since the program began.
    #[must_use]
    pub fn stats(&self) -> CallSiteStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.counters;
        CallSiteStats {
            hits: counters.hits.sum() + counters.read.sum(),
            misses: counters.misses.sum(),
            loads: read(&counters.loads),
            load_time: Duration::from_nanos(read(&counters.load_nanos)),
            fills: read(&counters.fills),
            invalidations: read(&counters.invalidations),
            uncached: read(&counters.uncached),
            unusable: read(&counters.unusable),
            errors: read(&counters.errors),
            stale: read(&counters.stale),
            refreshes: read(&counters.refreshes),
        }
    }

    pub(crate) fn count(&'static self, event: Event) {
        let counters = &self.counters;
        let counter = match event {
            // With each call over a backend that is not in this process.
            Event::Hit => return counters.read.add_one(),
            Event::Miss => {
                counters.misses.add_one();
                return self.register();
            }
            Event::Load(time) => {
                let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
                counters.load_nanos.fetch_add(nanos, Ordering::Relaxed);
                &counters.loads
            }
            Event::Fill => &counters.fills,
            Event::Invalidation => &counters.invalidations,
            Event::Uncached => &counters.uncached,
            Event::Unusable => &counters.unusable,
            Event::Error => &counters.errors,
            Event::Stale => &counters.stale,
            Event::Refresh => &counters.refreshes,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        self.register();
    }

    /// Puts the site into the list of all, once. Who comes second while the first is at it may go on; the list is
    /// locked until the site is in it.
    fn register(&'static self) {
        if !self.registered.load(Ordering::Relaxed) {
            let mut sites = SITES.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.registered.swap(true, Ordering::Relaxed) {
                sites.push(self);
            }
        }
    }

    /// Counts an error and logs it, at most once in ten seconds a call site.
    pub(crate) fn failed(&'static self, now: Duration, error: &CacheError) {
        self.count(Event::Error);
        if self.warned.may(now) {
            // A codec's text may quote the value; a backend's may not.
            let source = match error {
                CacheError::Backend { source, .. } => source.to_string(),
                _ => String::new(),
            };
            tracing::warn!(
                function = self.function,
                template = self.template(),
                %error,
                source,
                "the cache failed; the call goes on without it"
            );
        }
    }

    /// Counts a call that goes by the cache and logs why, at most once in ten seconds a call site.
    pub(crate) fn went_by(&'static self, now: Duration, why: &dyn fmt::Display) {
        self.count(Event::Uncached);
        if self.warned.may(now) {
            tracing::warn!(function = self.function, template = self.template(), %why, "not cached");
        }
    }

    /// A span for something that is done here. No key and no value is in it.
    pub(crate) fn span(&self, step: Step) -> tracing::Span {
        let (function, template) = (self.function, self.template());
        match step {
            Step::Load => tracing::info_span!("cache_load", function, template),
            Step::Fill => tracing::info_span!("cache_fill", function, template),
            Step::Begin => tracing::info_span!("cache_invalidate", function, template, step = "begin"),
            Step::End => tracing::info_span!("cache_invalidate", function, template, step = "end"),
        }
    }

    /// Whether values of this type may be kept under this key: those of the type that came first under its template
    /// and with its constants, unless the key is given beside the type.
    pub(crate) fn admits(&self, key: &RawKey, value: ValueType) -> bool {
        let template = key.template();
        // A declared key may be of several sites, and with constants in it of several types.
        if template.has_constants() {
            let constants = template.constants_in(key.as_str()).join(":");
            let mut types = TYPES.lock().unwrap_or_else(PoisonError::into_inner);
            return *types.entry((std::ptr::from_ref(template).addr(), constants)).or_insert(value) == value;
        }
        template.is_untyped() || *self.value.get_or_init(|| value) == value
    }
}

impl fmt::Debug for CallSite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallSite")
            .field("kind", &self.kind)
            .field("function", &self.function)
            .field("template", &self.template())
            .field("place", &format_args!("{}:{}", self.file(), self.line()))
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::{CallSite, call_sites};

    #[test]
    fn whoever_registers_a_site_finds_it_in_the_list_while_others_register_it_too() {
        let threads = 4;
        for _ in 0..200 {
            let sites: Vec<&'static CallSite> =
                (0..10).map(|_| &*Box::leak(Box::new(CallSite::manual("a test")))).collect();
            let start = Barrier::new(threads);
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(|| {
                        start.wait();
                        for site in &sites {
                            site.register();
                            assert!(call_sites().iter().rev().any(|listed| std::ptr::eq(*listed, *site)));
                        }
                    });
                }
            });
        }
    }
}
