//! What is tested: a backend, the time it lives in, and keys of its own.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use crate::backend::{Backend, Entry, ListOptions, ListPage, PutOptions, Read, SetOutcome};
use crate::clock::{Clock, ManualClock};
use crate::error::BackendError;

/// The longest that a test waits for an expiry in real time.
const PATIENCE: Duration = Duration::from_secs(5);

/// How the time of the backend passes.
#[derive(Debug, Clone)]
pub enum Time {
    /// The backend takes its time from this clock, which the test moves.
    Manual(ManualClock),
    /// The backend has a time of its own, and the test sleeps.
    Real,
}

/// A backend under test.
pub struct Subject {
    /// The backend.
    pub backend: Arc<dyn Backend>,
    /// How its time passes.
    pub time: Time,
    /// What every key of this test starts with, and no other key.
    pub key_prefix: String,
    kept: Vec<Box<dyn Any + Send + Sync>>,
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Subject");
        shown
            .field("backend", &self.backend.name())
            .field("key_prefix", &self.key_prefix)
            .finish_non_exhaustive()
    }
}

impl Subject {
    /// A subject whose key prefix nobody else has.
    pub fn new(backend: impl Backend, time: Time) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let (process, run) = (std::process::id(), Clock::system().unix_time().as_micros());
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let key_prefix = format!("contract:{process:x}.{run:x}.{number}:");
        Self { backend: Arc::new(backend), time, key_prefix, kept: Vec::new() }
    }

    /// Keeps something until the test is over: a server, a temporary directory.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.kept.push(Box::new(guard));
        self
    }

    /// Removes the keys of the test, as far as that succeeds.
    pub async fn clean_up(&self) {
        let _ = self.backend.delete_prefix(&self.key_prefix).await;
    }

    /// A key of this test.
    pub(super) fn key(&self, name: &str) -> String {
        format!("{}{name}", self.key_prefix)
    }

    /// Whether a capability is there; says so if not.
    pub(super) fn has(&self, capability: bool, what: &str) -> bool {
        if !capability {
            println!("skipped: {} does not claim {what}", self.backend.name());
        }
        capability
    }

    pub(super) fn has_atomic(&self) -> bool {
        self.has(self.backend.capabilities().atomic, "atomic counters")
    }

    pub(super) fn has_leases(&self) -> bool {
        self.has(self.backend.capabilities().leases, "leases")
    }

    pub(super) fn has_barriers(&self) -> bool {
        self.has(self.backend.capabilities().barriers, "barriers")
    }

    pub(super) fn has_metadata(&self) -> bool {
        self.has(self.backend.capabilities().metadata, "metadata beside its values")
    }

    /// Metadata to put beside a value, and to find there; none where the engine stores none.
    pub(super) fn metadata(&self, text: &str) -> Option<Arc<str>> {
        self.backend.capabilities().metadata.then(|| text.into())
    }

    /// A time to live that the engine keeps and the test can wait for.
    pub(super) fn short_ttl(&self) -> Option<Duration> {
        let minimum = self.backend.capabilities().minimum_ttl;
        match self.time {
            Time::Manual(_) => Some(minimum.max(Duration::from_secs(10))),
            Time::Real if minimum > PATIENCE => {
                println!("skipped: the shortest time to live is {minimum:?}, and the time is real");
                None
            }
            Time::Real => Some(minimum.max(Duration::from_secs(1))),
        }
    }

    /// Lets time pass.
    pub(super) async fn pass(&self, length: Duration) {
        match &self.time {
            Time::Manual(clock) => clock.advance(length),
            Time::Real => Clock::system().sleep(length).await,
        }
    }

    /// Lets a time to live pass to its end: to the nanosecond where the time is ours.
    pub(super) async fn pass_all_of(&self, ttl: Duration) {
        let slack = if let Time::Real = self.time { Duration::from_millis(100) } else { Duration::ZERO };
        self.pass(ttl + slack).await;
    }

    pub(super) async fn get(&self, key: &str) -> Option<Entry> {
        done("get", self.backend.get(key).await)
    }

    /// The value under a key, as text.
    pub(super) async fn text(&self, key: &str) -> Option<String> {
        self.get(key).await.map(|entry| String::from_utf8_lossy(&entry.value).into_owned())
    }

    pub(super) async fn put(&self, key: &str, value: &'static str) {
        self.put_with(key, value, PutOptions::default()).await;
    }

    pub(super) async fn put_with(&self, key: &str, value: &'static str, options: PutOptions) {
        self.put_bytes(key, Bytes::from_static(value.as_bytes()), options).await;
    }

    pub(super) async fn put_bytes(&self, key: &str, value: Bytes, options: PutOptions) {
        let outcome = done("put", self.backend.put(key, value, options).await);
        super::same("a put that nothing bars is stored", outcome, SetOutcome::Stored);
    }

    pub(super) async fn delete(&self, key: &str) -> bool {
        done("delete", self.backend.delete(key).await)
    }

    pub(super) async fn increment(&self, key: &str, by: i64) -> i64 {
        done("increment", self.backend.increment(key, by, None).await)
    }

    pub(super) async fn touch(&self, key: &str, ttl: Option<Duration>) -> bool {
        done("touch", self.backend.touch(key, ttl).await)
    }

    pub(super) async fn compare_and_set(&self, key: &str, expected: Option<&str>, new: &'static str) -> bool {
        let (expected, new) = (expected.map(str::as_bytes), Bytes::from_static(new.as_bytes()));
        done("compare_and_set", self.backend.compare_and_set(key, expected, new, PutOptions::default()).await)
    }

    pub(super) async fn read(&self, key: &str) -> Read {
        done("read", self.backend.read(key).await)
    }

    /// Puts a number of keys, `name0000` and so on, and returns them in order.
    pub(super) async fn put_numbered(&self, name: &str, count: usize) -> Vec<String> {
        let keys: Vec<String> = (0..count).map(|number| self.key(&format!("{name}{number:04}"))).collect();
        for some in keys.chunks(500) {
            let entries =
                some.iter().map(|key| (key.clone(), Bytes::from_static(b"v"), PutOptions::default()));
            done("put_many", self.backend.put_many(entries.collect()).await);
        }
        keys
    }

    pub(super) async fn page(&self, prefix: &str, limit: Option<usize>, cursor: Option<String>) -> ListPage {
        done("list", self.backend.list(ListOptions { prefix: prefix.into(), limit, cursor }).await)
    }

    /// The keys on all the pages.
    pub(super) async fn names(&self, prefix: &str, limit: Option<usize>) -> Vec<String> {
        self.names_after(prefix, limit, ListPage::default(), true).await
    }

    /// The keys on `page` and all those after it.
    pub(super) async fn names_from(&self, prefix: &str, limit: usize, page: ListPage) -> Vec<String> {
        self.names_after(prefix, Some(limit), page, false).await
    }

    async fn names_after(
        &self,
        prefix: &str,
        limit: Option<usize>,
        mut page: ListPage,
        mut first: bool,
    ) -> Vec<String> {
        let mut names = Vec::new();
        let mut pages = 0;
        while first || page.cursor.is_some() {
            names.extend(page.keys.into_iter().map(|key| key.name));
            page = self.page(prefix, limit, page.cursor).await;
            (first, pages) = (false, pages + 1);
            super::holds("a listing ends", pages < 20_000);
        }
        names.extend(page.keys.into_iter().map(|key| key.name));
        names
    }
}

/// The result, where an error breaks the guarantee.
#[track_caller]
pub(super) fn done<T>(operation: &str, result: Result<T, BackendError>) -> T {
    match result {
        Ok(result) => result,
        Err(error) => panic!("not guaranteed: `{operation}` succeeds\n   found: {error}"),
    }
}

/// What is left of a time to live after its first half.
pub(super) fn second_half(ttl: Duration) -> Duration {
    ttl.saturating_sub(ttl / 2)
}
