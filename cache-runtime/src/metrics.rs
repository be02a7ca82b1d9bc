//! The counts of the call sites, for the `metrics` facade.

use std::collections::BTreeMap;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::call::{CallSiteStats, call_sites};

/// The name, the meaning and the count of each counter.
type Count = (&'static str, &'static str, fn(&CallSiteStats) -> u64);

const COUNTS: [Count; 10] = [
    ("cache_hits", "calls that were served from the cache", |stats| stats.hits),
    ("cache_misses", "calls that found nothing fresh", |stats| stats.misses),
    ("cache_loads", "times that the author's body ran to its end", |stats| stats.loads),
    ("cache_fills", "loaded values that were stored", |stats| stats.fills),
    ("cache_invalidations", "keys made stale or updated", |stats| stats.invalidations),
    ("cache_uncached", "calls that went by the cache", |stats| stats.uncached),
    ("cache_unusable", "stored values that could not be used", |stats| stats.unusable),
    ("cache_errors", "operations of the cache that failed", |stats| stats.errors),
    ("cache_stale", "calls that were served a value past its time to live", |stats| stats.stale),
    ("cache_refreshes", "background refreshes that were started", |stats| stats.refreshes),
];

const LOAD_SECONDS: &str = "cache_load_seconds";

/// Publishes what has happened at the program's [call sites](call_sites) to the recorder of the `metrics` crate. Call it
/// before each scrape, or every few seconds: calls of the cache pay nothing for it.
///
/// | metric | kind |
/// | --- | --- |
/// | `cache_hits`, `cache_misses`, `cache_loads`, `cache_fills`, `cache_invalidations`, `cache_uncached`, `cache_unusable`, `cache_errors`, `cache_stale`, `cache_refreshes` | counters, as in [`CallSiteStats`] |
/// | `cache_load_seconds` | gauge: how long the loads took, together |
///
/// Each has the labels `function`, the path of the annotated function, and `template`, its first key template. No key and
/// no value is in them.
///
/// ```
/// // Before the recorder of your choice is asked for its text:
/// cache_runtime::publish_metrics();
/// ```
pub fn publish_metrics() {
    for (name, meaning, _) in COUNTS {
        describe_counter!(name, Unit::Count, meaning);
    }
    describe_gauge!(LOAD_SECONDS, Unit::Seconds, "how long the loads took, together");
    // Two call sites may be called alike: a function in each of two impls, or a generic one.
    let mut sites: BTreeMap<_, Vec<CallSiteStats>> = BTreeMap::new();
    for site in call_sites() {
        sites.entry((site.function(), site.template())).or_default().push(site.stats());
    }
    for ((function, template), stats) in sites {
        for (name, _, count) in COUNTS {
            let sum = stats.iter().map(count).sum();
            counter!(name, "function" => function, "template" => template).absolute(sum);
        }
        let seconds = stats.iter().map(|stats| stats.load_time.as_secs_f64()).sum::<f64>();
        gauge!(LOAD_SECONDS, "function" => function, "template" => template).set(seconds);
    }
}
