//! Writes inside a scope: they begin as ever, and end when the transaction around them is over.

use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::site::CallSite;
use super::write::{end, open, renew, renewal_interval};
use crate::backend::{PutOptions, WriteToken};
use crate::error::BackendError;
use crate::rt;
use crate::service::KvCacheService;
use crate::store::{Deferred, Inside, Scope};
use crate::together::run_all;

/// How many writes are ended at once.
const ENDS: usize = 32;

/// `deferring` of the service.
pub(crate) async fn deferring<T, E>(
    cache: KvCacheService,
    transaction: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let here = Inside::here();
    if let Some(outer) = here.scope {
        let mut inner = Inner { from: outer.len(), outer, succeeded: false };
        let result = transaction.await;
        inner.succeeded = result.is_ok();
        return result;
    }
    let scope = Arc::new(Scope::new(cache.write_timeout()));
    let inside = Inside { scope: Some(Arc::clone(&scope)), ..here };
    let transaction = pin!(inside.run(transaction));
    let attended =
        rt::attended(cache.clock(), renewal_interval(scope.timeout), transaction, || renew_all(&scope));
    // An error leaves before the next await: it need not be `Send`.
    let value = match attended.await {
        Ok(value) => value,
        Err(error) => {
            rt::settle(end_all(&scope, false));
            return Err(error);
        }
    };
    rt::to_the_end(end_all(&scope, true)).await;
    Ok(value)
}

fn renew_all(scope: &Scope) -> impl Future<Output = ()> + Send + use<> {
    let mut renewals = Vec::new();
    for write in scope.writes() {
        renewals.push(write.renew());
    }
    run_all(renewals, ENDS)
}

/// Ends the writes of a scope: at once as far as they are concerned, and in time in the backend.
fn end_all(scope: &Scope, committed: bool) -> impl Future<Output = ()> + Send + use<> {
    let mut ends = Vec::new();
    for write in scope.take() {
        ends.push(write.end(committed));
    }
    run_all(ends, ENDS)
}

/// A scope inside another. Until it has succeeded, what was written in it may or may not be a part of what the outer one
/// commits, so its keys are the outer one's, and none of its values is stored.
struct Inner {
    outer: Arc<Scope>,
    from: usize,
    succeeded: bool,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !self.succeeded {
            self.outer.forget_updates(self.from);
        }
    }
}

/// A write that has begun inside a scope.
pub(super) struct Deferral {
    scope: Arc<Scope>,
    write: Arc<Write>,
}

struct Write {
    cache: KvCacheService,
    site: &'static CallSite,
    timeout: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    parts: Vec<Part>,
    /// Whether the keys become stale after a rollback, too.
    always: bool,
    /// Whether the scope has ended.
    is_over: bool,
}

/// Keys that were barred together.
struct Part {
    keys: Vec<String>,
    token: Option<WriteToken>,
    update: Option<(Bytes, PutOptions)>,
}

impl Deferral {
    /// Puts off the end of a write that begins now, if there is a scope around it.
    pub(super) fn here(cache: &KvCacheService, site: &'static CallSite, timeout: Duration) -> Option<Self> {
        let scope = Inside::here().scope?;
        let timeout = timeout.max(scope.timeout);
        let write = Arc::new(Write { cache: cache.clone(), site, timeout, state: Mutex::default() });
        scope.add(Arc::<Write>::clone(&write));
        Some(Self { scope, write })
    }

    /// Makes keys pending, and opens the barrier on them.
    pub(super) async fn open(&self, keys: &[String]) -> Result<Option<WriteToken>, BackendError> {
        let cache = &self.write.cache;
        let prefix = cache.prefix().with_colon();
        let own = keys.iter().filter_map(|key| key.strip_prefix(prefix));
        self.scope.add_keys(cache.namespace(), own);
        if keys.iter().any(|key| cache.prefix().is_generation(key)) {
            self.scope.add_all(cache.namespace());
        }
        let place = {
            let parts = &mut self.write.lock().parts;
            // Before the barrier stands: a write that is dropped meanwhile is ended with the others.
            parts.push(Part { keys: keys.to_vec(), token: None, update: None });
            parts.len() - 1
        };
        let token = open(cache, self.write.site, keys, self.write.timeout).await?;
        if let Some(part) = self.write.lock().parts.get_mut(place) {
            part.token = token;
        }
        Ok(token)
    }

    /// The keys become stale even after a rollback.
    pub(super) fn set_always(&self) {
        self.write.lock().always = true;
    }

    /// What is to be stored under the key once it is committed.
    pub(super) fn set_update(&self, update: Option<(Bytes, PutOptions)>) {
        if let Some(part) = self.write.lock().parts.first_mut() {
            part.update = update;
        }
    }

    /// Whether the scope has ended, so that nobody will end this write.
    pub(super) fn is_over(&self) -> bool {
        self.write.lock().is_over
    }
}

impl Write {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deferred for Write {
    fn forget_update(&self) {
        self.lock().parts.iter_mut().for_each(|part| part.update = None);
    }

    fn renew(self: Arc<Self>) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let barred = |part: &Part| Some((part.keys.clone(), part.token?));
        let barriers: Vec<_> = self.lock().parts.iter().filter_map(barred).collect();
        Box::pin(async move {
            for (keys, token) in barriers {
                renew(&self.cache, self.site, &keys, token, self.timeout).await;
            }
        })
    }

    fn end(self: Arc<Self>, committed: bool) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let (parts, always) = {
            let mut state = self.lock();
            state.is_over = true;
            (std::mem::take(&mut state.parts), state.always)
        };
        Box::pin(async move {
            for Part { keys, token, update } in parts {
                if committed || always || token.is_some() {
                    end(&self.cache, self.site, &keys, token, update.filter(|_| committed)).await;
                }
            }
        })
    }
}
