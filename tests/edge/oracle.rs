//! The source that all locations share, and what may be served of it when.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A row as it is cached. Every write makes a new version, so that each value tells when it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Row {
    pub(crate) version: usize,
}

/// A method that caches the rows: its name and its time to live.
pub(crate) type Family = (&'static str, Duration);

/// What the methods are promised to serve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Promise {
    pub(crate) window: Duration,
}

const PAST: &str = "past its time to live";

/// A write of the source.
struct Version {
    at: Duration,
    location: usize,
    is_there: bool,
    /// When the cache was told of it, if it was.
    told: Option<Duration>,
}

#[derive(Default)]
struct State {
    /// The versions of each row; the first is from before the beginning.
    rows: HashMap<u64, Vec<Version>>,
    /// When a version was last stored, by family and row.
    stored: HashMap<(&'static str, u64, usize), Duration>,
    /// Reads, and those of them that were served what the source had no more.
    reads: (u64, u64),
    faults: Vec<String>,
}

/// The rows, and what is known of the cache.
#[derive(Default)]
pub(crate) struct Oracle(Mutex<State>);

impl State {
    fn row(&mut self, id: u64) -> &mut Vec<Version> {
        let first = || Version { at: Duration::ZERO, location: usize::MAX, is_there: true, told: None };
        self.rows.entry(id).or_insert_with(|| vec![first()])
    }

    /// What a read breaks that was served a version which the source had no more: it was over then, and had been
    /// stored then.
    fn broken(
        &mut self,
        promise: Promise,
        (id, version): (u64, usize),
        (over, stored, ttl): (Duration, Duration, Duration),
        began: Duration,
        location: usize,
    ) -> Vec<&'static str> {
        let mut broken = Vec::new();
        if began > over + ttl + promise.window {
            broken.push("older than its time to live and the window");
        }
        if began >= stored + ttl {
            broken.push(PAST);
        }
        // One that was stored by a load from before the write, after it, has its time to live alone.
        let later = self.row(id)[version + 1..].iter().filter(|_| stored < over);
        for (told, is_here) in later.filter_map(|later| Some((later.told?, later.location == location))) {
            if began >= told + promise.window {
                broken.push("stale for longer than the window");
            }
            if is_here && began > told {
                broken.push("stale where the write was made");
            }
        }
        broken
    }
}

impl Oracle {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no test panics in here")
    }

    /// The row as it is now, and its version.
    pub(crate) fn row(&self, id: u64) -> (usize, Option<Row>) {
        let mut state = self.lock();
        let versions = state.row(id);
        let version = versions.len() - 1;
        (version, versions[version].is_there.then_some(Row { version }))
    }

    /// Writes the row; every third version is that it is not there.
    pub(crate) fn write(&self, id: u64, now: Duration, location: usize) -> (usize, Option<Row>) {
        let mut state = self.lock();
        let versions = state.row(id);
        let version = versions.len();
        let is_there = version % 3 != 2;
        versions.push(Version { at: now, location, is_there, told: None });
        (version, is_there.then_some(Row { version }))
    }

    /// The cache has been told of a write.
    pub(crate) fn told(&self, id: u64, version: usize, now: Duration) {
        self.lock().row(id)[version].told = Some(now);
    }

    /// A version is being stored.
    pub(crate) fn stored(&self, family: Family, id: u64, version: usize, now: Duration) {
        self.lock().stored.insert((family.0, id, version), now);
    }

    /// Checks what a read gave that began at `began`, at a location.
    pub(crate) fn check(
        &self,
        promise: Promise,
        (name, ttl): Family,
        id: u64,
        found: Option<Row>,
        began: Duration,
        location: usize,
    ) {
        let mut state = self.lock();
        state.reads.0 += 1;
        // That there is none does not tell which version says so: any that explains it will do.
        let versions: Vec<usize> = match found {
            Some(row) => vec![row.version],
            None => state.row(id).iter().enumerate().filter(|(_, v)| !v.is_there).map(|(at, _)| at).collect(),
        };
        let mut explained: Vec<Vec<&str>> = Vec::new();
        for version in versions {
            let Some(over) = state.row(id).get(version + 1).map(|next| next.at).filter(|over| *over <= began)
            else {
                return;
            };
            let stored = state.stored.get(&(name, id, version)).copied().unwrap_or_default();
            explained.push(state.broken(promise, (id, version), (over, stored, ttl), began, location));
        }
        let mildest = explained.into_iter().min_by_key(|broken| (broken.contains(&PAST), broken.len()));
        let broken = mildest.unwrap_or_else(|| vec!["never so"]);
        state.reads.1 += 1;
        let at = format!("{name} of {id} at {location}, {began:?}");
        state.faults.extend(broken.iter().map(|why| format!("{at}: {why}")));
    }

    /// Reads, stale ones among them, and what is wrong.
    pub(crate) fn verdict(&self) -> (u64, u64, Vec<String>) {
        let mut state = self.lock();
        (state.reads.0, state.reads.1, std::mem::take(&mut state.faults))
    }
}
