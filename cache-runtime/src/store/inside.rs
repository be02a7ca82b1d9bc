//! What a call is made inside of: a bypass, or a scope at whose end its writes end. It goes by the thread that polls.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Tier;

thread_local! {
    static HERE: RefCell<Inside> = const { RefCell::new(Inside { bypass: false, scope: None }) };
}

/// See the module. The default is to be inside of nothing.
#[derive(Clone, Default)]
pub(crate) struct Inside {
    /// Nothing is read from the cache.
    pub(crate) bypass: bool,
    pub(crate) scope: Option<Arc<Scope>>,
}

/// What a call that reads may do where it is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Everything.
    Cached,
    /// Be served what is there. Its own load may see what only a transaction sees: nobody shares it, nothing is stored.
    Served,
    /// Load for itself.
    Around,
}

/// The writes of a transaction, which end together.
pub(crate) struct Scope {
    /// How long the source may still be written after the transaction was dropped.
    pub(crate) timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The keys that have been written, by their namespace.
    keys: HashMap<u32, HashSet<Box<str>>>,
    /// The namespaces of which a tag has been invalidated: any key may carry it.
    all: HashSet<u32>,
    writes: Vec<Arc<dyn Deferred>>,
}

/// A write whose end is put off.
pub(crate) trait Deferred: Send + Sync {
    /// The value that it brought is not sure to be the source's.
    fn forget_update(&self);

    /// The transaction goes on, so its barriers have to stand longer.
    fn renew(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>>;

    /// The transaction is over. `committed` is whether the source has been written.
    fn end(self: Arc<Self>, committed: bool) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl Inside {
    /// What surrounds this call.
    pub(crate) fn here() -> Self {
        HERE.try_with(|here| here.borrow().clone()).unwrap_or_default()
    }

    /// What a call of this key may do here.
    pub(crate) fn way<'k>(namespace: u32, key: impl FnOnce() -> &'k str) -> Way {
        let way = HERE.try_with(|here| {
            let here = here.borrow();
            match &here.scope {
                _ if here.bypass => Way::Around,
                Some(scope) if scope.is_pending(namespace, key()) => Way::Around,
                Some(_) => Way::Served,
                None => Way::Cached,
            }
        });
        way.unwrap_or(Way::Cached)
    }

    /// Runs `body` inside of this.
    pub(crate) async fn run<F: Future>(self, body: F) -> F::Output {
        let mut body = pin!(body);
        poll_fn(|context| {
            let _outer = Outer::replace(self.clone());
            // A hit in the mirror asks nothing.
            Tier::without_mirror(|| body.as_mut().poll(context))
        })
        .await
    }
}

/// Sets back what surrounds, also when the poll panics.
struct Outer(Inside);

impl Outer {
    fn replace(inside: Inside) -> Self {
        Self(HERE.try_with(|here| here.replace(inside)).unwrap_or_default())
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        let outer = std::mem::take(&mut self.0);
        // Dropped outside of the borrow.
        let _inner = HERE.try_with(|here| here.replace(outer));
    }
}

impl Scope {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self { timeout, state: Mutex::default() }
    }

    pub(crate) fn add(&self, write: Arc<dyn Deferred>) {
        self.lock().writes.push(write);
    }

    /// These keys are being written.
    pub(crate) fn add_keys<'k>(&self, namespace: u32, keys: impl Iterator<Item = &'k str>) {
        self.lock().keys.entry(namespace).or_default().extend(keys.map(Box::from));
    }

    /// What carries some tag is being written.
    pub(crate) fn add_all(&self, namespace: u32) {
        self.lock().all.insert(namespace);
    }

    fn is_pending(&self, namespace: u32, key: &str) -> bool {
        let state = self.lock();
        state.all.contains(&namespace) || state.keys.get(&namespace).is_some_and(|keys| keys.contains(key))
    }

    /// How many writes there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().writes.len()
    }

    /// Of the writes from this number on no value is stored.
    pub(crate) fn forget_updates(&self, from: usize) {
        let writes = self.lock().writes.get(from..).unwrap_or_default().to_vec();
        for write in writes {
            write.forget_update();
        }
    }

    /// The writes, to be renewed.
    pub(crate) fn writes(&self) -> Vec<Arc<dyn Deferred>> {
        self.lock().writes.clone()
    }

    /// The writes, to be ended.
    pub(crate) fn take(&self) -> Vec<Arc<dyn Deferred>> {
        std::mem::take(&mut self.lock().writes)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
