//! What is to be heard of: changes under the prefixes in use, and acknowledgements.
//!
//! The push connection (`listening`) is opened for whoever holds copies or calls them back, and for nobody else.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::connection::Link;
use super::listening;
use super::recall::Acks;
use crate::backend::{InvalidationSink, Pushes};
use crate::key::Prefix;

/// The owner of the push connection, which ends with it.
pub(super) struct Tracking(pub(super) Arc<Wanted>);

/// What the connection's task shares with its owner.
pub(super) struct Wanted {
    pub(super) link: Arc<Link>,
    /// After so long a silence copies are not served.
    pub(super) bound: Duration,
    pub(super) pushes: Arc<Pushes>,
    pub(super) acks: Acks,
    list: Mutex<List>,
    /// The channels of the connection that is open.
    open: watch::Sender<HashSet<String>>,
    /// One of the three below.
    task: AtomicU8,
    closed: AtomicBool,
    pub(super) wake: Notify,
}

/// Nothing is wanted.
const UNWANTED: u8 = 0;
/// Something is, and no task sees to it.
const IDLE: u8 = 1;
const RUNNING: u8 = 2;

#[derive(Default)]
struct List {
    /// Prefixes whose keys are told of.
    prefixes: Vec<Box<str>>,
    /// Channels beside those.
    channels: Vec<String>,
    sinks: Vec<Weak<dyn InvalidationSink>>,
}

impl Tracking {
    pub(super) fn new(link: Arc<Link>, bound: Duration) -> Self {
        Self(Arc::new(Wanted {
            link,
            bound,
            pushes: Arc::new(Pushes::new(bound)),
            acks: Acks::default(),
            list: Mutex::default(),
            open: watch::Sender::default(),
            task: AtomicU8::new(UNWANTED),
            closed: AtomicBool::new(false),
            wake: Notify::new(),
        }))
    }

    /// See [`Backend::watch`](crate::Backend::watch).
    pub(super) fn watch(&self, prefix: &str, sink: Weak<dyn InvalidationSink>) -> Arc<Pushes> {
        let wanted = &self.0;
        let mut list = wanted.list();
        list.sinks.retain(|known| known.strong_count() > 0 && !Weak::ptr_eq(known, &sink));
        list.sinks.push(sink);
        // A sink that is new knows nothing yet that it could serve; a prefix that is new is not told of yet.
        if !list.prefixes.iter().any(|known| **known == *prefix) {
            list.prefixes.push(prefix.into());
            wanted.pushes.lost();
        }
        drop(list);
        self.see_to_it();
        Arc::clone(&wanted.pushes)
    }

    /// Has a channel subscribed to. Returns whether it is, after the silence bound at the latest.
    pub(super) async fn subscribe(&self, channel: &str) -> bool {
        {
            let mut list = self.0.list();
            if !list.channels.iter().any(|known| known == channel) {
                list.channels.push(channel.into());
            }
        }
        self.see_to_it();
        if self.0.pushes.are_refused() {
            return false;
        }
        let mut open = self.0.open.subscribe();
        let subscribed = open.wait_for(|open| open.contains(channel));
        timeout(self.0.bound, subscribed).await.is_ok_and(|found| found.is_ok())
    }

    fn see_to_it(&self) {
        let _ = self.0.task.compare_exchange(UNWANTED, IDLE, Ordering::AcqRel, Ordering::Relaxed);
        self.0.wake.notify_one();
        self.start();
    }

    /// Starts the connection's task if it is wanted, there is none, and an executor can run it: a service may be built
    /// before the executor, and outlive it.
    #[inline]
    pub(super) fn start(&self) {
        if self.0.task.load(Ordering::Relaxed) == IDLE {
            self.0.start();
        }
    }
}

impl Drop for Tracking {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        self.0.wake.notify_one();
    }
}

impl Wanted {
    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>) {
        /// A task that is dropped with its executor leaves the work to another.
        struct Running(Arc<Wanted>);
        impl Drop for Running {
            fn drop(&mut self) {
                self.0.closes();
                self.0.task.store(IDLE, Ordering::Release);
            }
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.task.compare_exchange(IDLE, RUNNING, Ordering::AcqRel, Ordering::Relaxed).is_ok() {
            let running = Running(Arc::clone(self));
            runtime.spawn(async move { listening::run(&running.0).await });
        }
    }

    /// Whether the backend is gone.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// What is wanted and not there yet: prefixes to track, channels to subscribe to.
    pub(super) fn missing(
        &self,
        tracked: &HashSet<Box<str>>,
        subscribed: &HashSet<String>,
    ) -> (Vec<Box<str>>, Vec<String>) {
        let list = self.list();
        let prefixes = list.prefixes.iter().filter(|prefix| !tracked.contains(*prefix)).cloned();
        let channels = list.channels.iter().filter(|channel| !subscribed.contains(*channel)).cloned();
        (prefixes.collect(), channels.collect())
    }

    /// Notes that all that changed before `since` was told, unless a prefix has come that is not tracked.
    pub(super) fn heard(&self, since: u64, tracked: &HashSet<Box<str>>) {
        let list = self.list();
        if list.prefixes.iter().all(|prefix| tracked.contains(prefix)) {
            self.pushes.heard(since);
        }
    }

    /// Notes what a connection is subscribed to.
    pub(super) fn opened(&self, subscribed: &HashSet<String>) {
        self.open.send_replace(subscribed.clone());
    }

    /// Notes that no connection is open.
    pub(super) fn closes(&self) {
        self.pushes.lost();
        self.open.send_replace(HashSet::new());
    }

    fn sinks(&self) -> Vec<Arc<dyn InvalidationSink>> {
        self.list().sinks.iter().filter_map(Weak::upgrade).collect()
    }

    /// Tells whoever holds copies of a key that it has changed.
    pub(super) fn changed(&self, key: &str) {
        self.sinks().iter().for_each(|sink| sink.changed(key));
    }

    /// Tells whoever holds copies that anything of the prefix may have changed.
    pub(super) fn changed_prefix(&self, prefix: &str) {
        for sink in self.sinks() {
            sink.changed_prefix(&format!("{prefix}:"));
            sink.changed_prefix(&generations(prefix));
        }
    }

    /// The same of every prefix.
    pub(super) fn changed_all(&self) {
        let prefixes = self.list().prefixes.clone();
        for prefix in &prefixes {
            self.changed_prefix(prefix);
        }
    }
}

/// What the generations of a prefix's tags begin with.
pub(super) fn generations(prefix: &str) -> String {
    format!("{prefix}{}:", Prefix::GENERATIONS)
}
