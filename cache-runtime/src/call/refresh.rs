//! `stale_while_revalidate`: a stale value at once, and one refresh in the background.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::{Pin, pin};

use super::failures::Failures;
use super::fill::Found;
use super::load::{Call, Flown};
use super::miss::Miss;
use super::policy::{Condition, Policy};
use super::shape::{Outcome, Shape, ShapeKind};
use super::site::{CallSite, Event};
use super::stale::Peeked;
use super::tags::{Before, Target};
use crate::key::RawKey;
use crate::rt;
use crate::service::KvCacheService;
use crate::store::{Entered, Leader, Refreshing, Way};
use crate::value::ValueOps;

/// A value that a background refresh can take along.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be given to a background refresh",
    label = "not `Clone + Send + Sync + 'static`",
    note = "with `stale_while_revalidate` the body runs in a task of its own, on clones of `self` and of the arguments; derive `Clone` (an `Arc` inside makes it cheap), or leave out `stale_while_revalidate`"
)]
pub trait Refreshable: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Refreshable for T {}

/// A clone for a background refresh.
#[must_use]
pub fn for_refresh<T: Refreshable>(value: &T) -> T {
    value.clone()
}

/// An owned value for a background refresh.
#[must_use]
pub fn owned_for_refresh<T: ToOwned<Owned: Refreshable> + ?Sized>(value: &T) -> T::Owned {
    value.to_owned()
}

/// A call that a refresh makes, without the borrows of the one that started it.
struct Refresh<V, O, S> {
    cache: KvCacheService,
    site: &'static CallSite,
    key: RawKey,
    ops: O,
    shape: S,
    version: u32,
    value: PhantomData<fn() -> V>,
}

impl<V: 'static, O: ValueOps<V>, S: ShapeKind + 'static> Miss<'_, V, O, S> {
    /// Serves a stale value at once, if there is one within the policy's window, and sees to it that one refresh
    /// runs; else as [`load`](Self::load).
    pub async fn load_or_refresh<R, C, X, F, G>(
        self,
        policy: Policy<V, C>,
        failures: X,
        body: Pin<&mut F>,
        refresh: impl FnOnce() -> G + Send,
    ) -> R
    where
        R: 'static,
        S: Shape<R, Value = V>,
        C: Condition<V> + Send + Sync + 'static,
        X: Failures<R> + 'static,
        F: Future<Output = R>,
        G: Future<Output = R> + Send + 'static,
    {
        // Without a runtime for the refresh, a stale value is none.
        if !rt::can_spawn() {
            return self.load(policy, failures, body).await;
        }
        let call = self.call();
        call.site.count(Event::Miss);
        let Some(target) = call.prepare(&policy, policy.own_tags()) else { return call.run(body).await };
        match call.way() {
            Way::Cached => {}
            way => return call.load_apart(way, &target, body).await,
        }
        let window = policy.refresh_window();
        let stale = match call.held_stale(window) {
            Some(held) => Peeked::Stale(held),
            None => call.look(&target, window).await,
        };
        match stale {
            Peeked::Stale(held) => {
                call.start_refresh(target, policy, failures, refresh);
                call.give_stale(held)
            }
            // With a local tier the value is to be put there.
            Peeked::Fresh(Some(held)) if call.cache.store().tier().is_none() => {
                call.site.count(Event::Hit);
                call.shape.wrap(call.ops.give(held))
            }
            _ => {
                let sought = call.seek(&target, Before::Nothing, policy.error_window()).await;
                call.go_on(sought, target, policy, failures, body).await
            }
        }
    }
}

impl<V: 'static, O: ValueOps<V>, S: ShapeKind + 'static> Call<'_, V, O, S> {
    /// Starts a refresh, unless one runs, one has just failed, or as many run as may.
    fn start_refresh<R, C, X, G>(
        &self,
        target: Target,
        policy: Policy<V, C>,
        failures: X,
        refresh: impl FnOnce() -> G,
    ) where
        R: 'static,
        S: Shape<R, Value = V>,
        C: Condition<V> + Send + Sync + 'static,
        X: Failures<R> + 'static,
        G: Future<Output = R> + Send + 'static,
    {
        let store = self.cache.store();
        let (namespace, key) = (self.cache.namespace(), self.key.as_str());
        let Some(refreshing) = store.refreshes.begin(store, &target.full_key) else { return };
        let leader = match store.flights.enter::<Flown<V, O>>(namespace, key, target.counted()) {
            Entered::Lead(leader) => leader,
            // Somebody loads it already.
            Entered::Wait(_) => return refreshing.end(),
        };
        self.site.count(Event::Refresh);
        tracing::debug!(function = self.site.function(), template = self.site.template(), "refreshing");
        let own = Refresh {
            cache: self.cache.clone(),
            site: self.site,
            key: self.key.clone(),
            ops: self.ops,
            shape: self.shape,
            version: self.version,
            value: PhantomData,
        };
        let body = refresh();
        rt::spawn(Box::pin(own.run(leader, refreshing, target, policy, failures, body)));
    }
}

impl<V: 'static, O: ValueOps<V>, S: ShapeKind + 'static> Refresh<V, O, S> {
    /// The refresh, for as long as a lease may last at most. Dropped or panicked, it leaves the flight and the
    /// lease to others.
    async fn run<R, C, X, G>(
        self,
        leader: Leader<Flown<V, O>>,
        refreshing: Refreshing,
        target: Target,
        policy: Policy<V, C>,
        failures: X,
        body: G,
    ) where
        S: Shape<R, Value = V>,
        C: Condition<V>,
        X: Failures<R>,
        G: Future<Output = R>,
    {
        let (clock, site) = (self.cache.clock().clone(), self.site);
        let ended = rt::at_most(&clock, Refreshing::LIMIT, self.load(leader, target, policy, failures, body));
        match ended.await {
            Some(true) => {
                tracing::debug!(function = site.function(), template = site.template(), "refreshed");
                refreshing.end();
            }
            _ => {
                tracing::debug!(
                    function = site.function(),
                    template = site.template(),
                    "the refresh brought no value"
                );
            }
        }
    }

    /// Whether the value is fresh now.
    async fn load<R, C, X, G>(
        self,
        mut leader: Leader<Flown<V, O>>,
        target: Target,
        policy: Policy<V, C>,
        failures: X,
        body: G,
    ) -> bool
    where
        S: Shape<R, Value = V>,
        C: Condition<V>,
        X: Failures<R>,
        G: Future<Output = R>,
    {
        let Self { cache, site, key, ops, shape, version, value } = self;
        let call = Call { cache: &cache, site, key: &key, ops, shape, version, value };
        leader.begin();
        let counted = target.counted().cloned();
        let permit = match call.read(target, Before::Nothing).await {
            Found::Value(held, life) => {
                let flown = Some(held);
                call.promote(Some(&leader), &flown, life, counted);
                call.answer(Some(leader), &flown, false);
                return true;
            }
            Found::Stale(_, _, Some(permit)) => permit,
            // Evicted, not invalidated.
            Found::Nothing(Some(permit)) if leader.is_valid() => permit,
            // Another process refreshes it, or it has been invalidated since.
            Found::Stale(..) | Found::Negative(_) | Found::Nothing(_) => return false,
        };
        let body = pin!(body);
        let (leader, permit) = (Some(leader), Some(permit));
        let loaded = call.load_and_fill(leader, permit, None, policy.failing(), failures, body);
        !matches!(shape.split(loaded.await), Outcome::Failed(_))
    }
}
