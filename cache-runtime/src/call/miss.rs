//! A cached call after a miss.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use super::failures::Failures;
use super::load::{Call, Sought};
use super::policy::{Condition, Policy};
use super::shape::{Shape, ShapeKind};
use super::site::{CallSite, Event};
use crate::key::RawKey;
use crate::service::KvCacheService;
use crate::store::Way;
use crate::value::ValueOps;

/// A cached call that has to ask the backend, or the author's body.
pub struct Miss<'a, V, O, S> {
    pub(super) cache: &'a KvCacheService,
    pub(super) site: &'static CallSite,
    pub(super) key: RawKey,
    pub(super) ops: O,
    pub(super) shape: S,
    pub(super) version: u32,
    pub(super) value: PhantomData<fn() -> V>,
}

impl<'a, V, O: ValueOps<V>, S: ShapeKind> Miss<'a, V, O, S> {
    pub(super) const fn call(&self) -> Call<'_, V, O, S> {
        let Self { cache, site, key, ops, shape, version, value } = self;
        Call { cache, site, key, ops: *ops, shape: *shape, version: *version, value: *value }
    }

    /// Joins the load of the key or leads it: reads the backend, else awaits `body` in this task and fills.
    ///
    /// A cache that fails costs the load, never the call. The load is apart from the caller's future, which every
    /// call makes and perhaps moves: with it inside, that would be ten times as large.
    pub fn load<R, C, X, F>(
        self,
        policy: Policy<V, C>,
        failures: X,
        body: Pin<&'a mut F>,
    ) -> Pin<Box<impl Future<Output = R> + use<'a, V, O, S, R, C, X, F>>>
    where
        S: Shape<R, Value = V>,
        C: Condition<V>,
        X: Failures<R>,
        F: Future<Output = R>,
    {
        // A block, not an `async fn`, which would have all that it is given twice.
        Box::pin(async move {
            let call = self.call();
            call.site.count(Event::Miss);
            let Some(target) = call.prepare(&policy, policy.own_tags()) else { return call.run(body).await };
            match call.way() {
                Way::Cached => {}
                way => return Box::pin(call.load_apart(way, &target, body)).await,
            }
            let before = match call.look_first(&target).await {
                Ok(value) => return call.give_or_none(value),
                Err(before) => before,
            };
            let next = match call.seek(&target, before, policy.error_window()).await {
                Sought::Answer(flown) => return call.give(flown),
                next => next,
            };
            // Here too, since many may wait for one load, and each would make room for one of its own.
            if let Sought::Beside(Some(error)) = &next
                && policy.error_window().is_zero()
                && let Some(failed) = failures.unshare(error)
            {
                return failed;
            }
            Box::pin(call.go_on(next, target, policy, failures, body)).await
        })
    }
}
