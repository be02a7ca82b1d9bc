//! The cached call after a miss: join the load of the key or lead it, in the caller's own task, and fill.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use tracing::Instrument;

use super::failures::Failures;
use super::fill::{Found, Life, Permit};
use super::policy::{Condition, Policy};
use super::shape::{Outcome, Shape, ShapeKind};
use super::site::{CallSite, Event, Step};
use super::stale::{FailedButStale, Stale};
use super::tags::Target;
use crate::clock::millis;
use crate::key::{Identity, RawKey};
use crate::service::KvCacheService;
use crate::store::{
    Counted, Entered, Hit as TierHit, Leader, Prepared, Shared, SharedError, Sought, Tier, Waited, Way,
    leading,
};
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

/// A cached call whose key is written.
pub(super) struct Call<'a, V, O, S> {
    pub(super) cache: &'a KvCacheService,
    pub(super) site: &'static CallSite,
    pub(super) key: &'a RawKey,
    pub(super) ops: O,
    pub(super) shape: S,
    pub(super) version: u32,
    pub(super) value: PhantomData<fn() -> V>,
}

/// What a load shares with those who wait for it, and what the local tier holds; `None` is "not there".
pub(super) type Flown<V, O> = Option<<O as ValueOps<V>>::Held>;

/// How a call that missed goes on.
enum Joined<T> {
    /// With what somebody else loaded.
    Value(T),
    Failed(SharedError),
    /// By reading the backend or loading; where calls wait for each other, for all who wait.
    Lead(Option<Leader<T>>),
    /// By loading, for itself.
    Alone,
}

impl<'a, V, O: ValueOps<V>, S: ShapeKind> Call<'a, V, O, S> {
    pub(super) fn new(
        cache: &'a KvCacheService,
        site: &'static CallSite,
        key: &'a RawKey,
        ops: O,
        shape: S,
    ) -> Self {
        Self { cache, site, key, ops, shape, version: site.version_of(key), value: PhantomData }
    }

    /// Whether the local tier holds what this call can use: a value that `read` has taken, or a "not there".
    pub(super) fn is_held(
        &self,
        tier: &Tier,
        sought: &Sought<'_>,
        read: impl FnOnce(&Shared) -> bool,
    ) -> bool {
        // A method that cannot say "not there" loads.
        let read = |held: Option<&Shared>| held.map_or(S::OPTIONAL, read);
        let skips = || self.way() == Way::Around;
        tier.get(sought, self.key.as_bytes(), self.version, skips, read) == Some(TierHit::Fresh)
    }

    pub(super) fn identity(&self) -> Identity {
        Identity::of_text(self.key.as_str(), self.version)
    }

    /// What the local tier holds of the key, as it is held.
    pub(super) fn held_shared(&self) -> Option<Flown<V, O>> {
        let store = self.cache.store();
        let tier = store.tier()?;
        let (namespace, now_ms) = (self.cache.namespace(), store.clock.coarse_millis());
        let sought = Sought { namespace, identity: &self.identity(), now_ms };
        if let Some(held) = tier.mirrored(&sought, |shared| self.ops.unshare(shared)) {
            return Some(Some(held));
        }
        let mut flown = None;
        let is_held = self.is_held(tier, &sought, |shared| {
            flown = self.ops.unshare(shared);
            flown.is_some()
        });
        is_held.then_some(flown)
    }
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
        Box::pin(self.load_here(policy, failures, body))
    }

    async fn load_here<R, C, X, F>(self, policy: Policy<V, C>, failures: X, body: Pin<&mut F>) -> R
    where
        S: Shape<R, Value = V>,
        C: Condition<V>,
        X: Failures<R>,
        F: Future<Output = R>,
    {
        let call = self.call();
        call.site.count(Event::Miss);
        let Some(target) = call.prepare(&policy, policy.own_tags()) else { return call.run(body).await };
        match call.way() {
            Way::Cached => {}
            way => return call.load_apart(way, &target, body).await,
        }
        call.join_or_lead(target, policy, failures, body).await
    }
}

impl<V, O: ValueOps<V>, S: ShapeKind> Call<'_, V, O, S> {
    /// The call after its lookup.
    pub(super) async fn join_or_lead<R, C, X, F>(
        self,
        target: Target,
        policy: Policy<V, C>,
        failures: X,
        body: Pin<&mut F>,
    ) -> R
    where
        S: Shape<R, Value = V>,
        C: Condition<V>,
        X: Failures<R>,
        F: Future<Output = R>,
    {
        let shape = self.shape;
        let call = self;
        match call.join(&target).await {
            Joined::Lead(leader) => return call.lead(leader, target, policy, failures, body).await,
            Joined::Value(Some(held)) => return shape.wrap(call.ops.give(held)),
            Joined::Value(None) if S::OPTIONAL => {
                return shape.none().unwrap_or_else(crate::__private::typed);
            }
            Joined::Failed(error) => {
                if let Some(held) = call.stale_now(&target, policy.error_window()).await {
                    return call.give_stale(held);
                }
                if let Some(failed) = failures.unshare(&error) {
                    return failed;
                }
            }
            Joined::Value(None) | Joined::Alone => {}
        }
        if policy.error_window().is_zero() {
            return call.run(body).await;
        }
        let stale = call.peek(&target, policy.error_window()).await;
        call.load_and_fill(None, None, stale, policy, failures, body).await
    }

    /// Joins the flight of the key, or becomes the one who leads it.
    async fn join(&self, target: &Target) -> Joined<Flown<V, O>> {
        // On Workers the runtime ends a request that awaits another's wake-up.
        if cfg!(target_family = "wasm") {
            return Joined::Lead(None);
        }
        let store = self.cache.store();
        let (namespace, key) = (self.cache.namespace(), self.key.as_str());
        let entered = store.flights.enter::<Flown<V, O>>(namespace, key, target.counted());
        match entered {
            Entered::Lead(leader) => Joined::Lead(Some(leader)),
            Entered::Wait(waiter) => match waiter.wait(store.waits, &store.clock).await {
                Waited::Value(flown) => Joined::Value(flown),
                Waited::Failed(error) => Joined::Failed(error),
                Waited::Lead(leader) | Waited::LoadYourself(leader) => Joined::Lead(Some(leader)),
                Waited::TimedOut => Joined::Alone,
            },
        }
    }

    /// Runs the author's body.
    pub(super) async fn run<R>(&self, body: Pin<&mut impl Future<Output = R>>) -> R {
        let clock = self.cache.clock();
        let started = clock.now();
        let whole = leading(body).instrument(self.site.span(Step::Load)).await;
        self.site.count(Event::Load(clock.now().saturating_sub(started)));
        whole
    }

    async fn lead<R, C, X, F>(
        self,
        mut leader: Option<Leader<Flown<V, O>>>,
        target: Target,
        policy: Policy<V, C>,
        failures: X,
        body: Pin<&mut F>,
    ) -> R
    where
        S: Shape<R, Value = V>,
        C: Condition<V>,
        X: Failures<R>,
        F: Future<Output = R>,
    {
        let shape = self.shape;
        // Who loads beside another neither takes a lease nor fills.
        let is_sole = leader.as_ref().is_none_or(Leader::is_sole);
        if let Some(leader) = &mut leader {
            leader.begin();
        }
        // The load that this call missed may have ended before it came to lead its own.
        if let Some(flown) = self.held_shared() {
            self.answer_held(leader, &flown);
            return match flown {
                Some(held) => shape.wrap(self.ops.give(held)),
                None => shape.none().unwrap_or_else(crate::__private::typed),
            };
        }
        let mut permit = None;
        let mut stale = None;
        if is_sole {
            let counted = target.counted().cloned();
            match self.read(target).await {
                Found::Value(held, life) => {
                    let flown = Some(held);
                    self.promote(leader.as_ref(), &flown, life, counted);
                    self.answer(leader, &flown, false);
                    return match flown {
                        Some(held) => shape.wrap(self.ops.give(held)),
                        None => crate::__private::typed(),
                    };
                }
                Found::Negative(life) if S::OPTIONAL => {
                    self.promote(leader.as_ref(), &None, life, counted);
                    self.answer(leader, &None, false);
                    return shape.none().unwrap_or_else(crate::__private::typed);
                }
                // The same key, read by a method that cannot say "not there".
                Found::Negative(_) => {}
                Found::Stale(held, staleness, found) => {
                    stale = self.stale(held, staleness, policy.error_window(), counted);
                    permit = found;
                }
                Found::Nothing(found) => permit = found,
            }
        } else if !policy.error_window().is_zero() {
            stale = self.peek(&target, policy.error_window()).await;
        }
        self.load_and_fill(leader, permit, stale, policy, failures, body).await
    }

    /// Runs the author's body and stores its value; where it fails, `stale` stands in.
    pub(super) async fn load_and_fill<R, C, X, F>(
        self,
        mut leader: Option<Leader<Flown<V, O>>>,
        permit: Option<Permit>,
        stale: Option<Stale<O::Held>>,
        policy: Policy<V, C>,
        failures: X,
        body: Pin<&mut F>,
    ) -> R
    where
        S: Shape<R, Value = V>,
        C: Condition<V>,
        X: Failures<R>,
        F: Future<Output = R>,
    {
        let shape = self.shape;
        // Who joined during the read came before the load.
        if let Some(leader) = &mut leader {
            leader.begin();
        }
        let whole = self.run(body).await;
        // A failure leaves before the next await: it need not be `Send`.
        let loaded = match shape.split(whole) {
            Outcome::Failed(whole) => {
                drop(permit);
                // What was invalidated meanwhile is served no more.
                let valid = leader.as_ref().is_none_or(Leader::is_valid);
                let stale = stale.filter(|stale| valid && self.is_within(stale));
                let stale = self.held_stale(policy.error_window()).or(stale.map(|stale| stale.held));
                if let Some(leader) = leader {
                    leader.fail(failures.share(&whole).or_else(|| stale.as_ref().map(FailedButStale::share)));
                }
                return match stale {
                    Some(held) => self.give_stale(held),
                    None => whole,
                };
            }
            Outcome::None(whole) => Err(whole),
            Outcome::Value(value) => Ok(self.ops.hold(value)),
        };
        let flown = loaded.as_ref().ok().cloned();
        let tagged = permit.as_ref().is_some_and(|permit| permit.target.is_tagged());
        let stored = self.settle(leader.as_ref(), permit, &flown, &policy).await;
        // A fill under the lease, after the seal, shows that there was no change that nobody here has heard of, but
        // perhaps of a tag.
        self.answer(leader, &flown, stored && !tagged && self.cache.backend().capabilities().leases);
        drop(flown);
        match loaded {
            Ok(held) => shape.wrap(self.ops.give(held)),
            Err(none) => none(),
        }
    }

    /// Fills, and keeps what was stored in the local tier. Returns whether it was stored.
    pub(super) async fn settle<C: Condition<V>>(
        &self,
        leader: Option<&Leader<Flown<V, O>>>,
        permit: Option<Permit>,
        flown: &Flown<V, O>,
        policy: &Policy<V, C>,
    ) -> bool {
        let Some(permit) = permit else { return false };
        let value = flown.as_ref().map(|held| self.ops.view(held));
        let Some(fill) = self.encode(value, policy, &permit) else { return false };
        if let Some(leader) = leader {
            // Nobody joins a fill: it could be of a value older than a change that the joiner has seen. Where
            // every change cuts the flight off, there is no such joiner.
            if !self.cache.store().is_coherent() {
                leader.seal();
            }
            if !leader.is_valid() {
                return false;
            }
        }
        let target = permit.target.clone();
        if !target.is_current(self.cache) {
            return false;
        }
        let started = millis(self.cache.clock().now());
        let life = fill.life;
        let stored = self.fill(permit, fill).await;
        if stored {
            let kept = if self.cache.store().keeps_fills() {
                self.promote_from(started, leader, flown, life, target.counted().cloned())
            } else {
                leader.is_none_or(Leader::is_valid)
            };
            if !kept && !self.cache.backend().capabilities().leases {
                // Without leases the fill may have come after the change that cut this flight off.
                drop(self.cache.bounded(self.cache.backend().delete(&target.full_key)).await);
            }
        }
        stored
    }

    /// Gives the value to those who wait: to all, if it is sure to be as new as the last of them may expect; else
    /// to those who joined before it was read or loaded.
    pub(super) fn answer(&self, leader: Option<Leader<Flown<V, O>>>, flown: &Flown<V, O>, sure: bool) {
        let Some(leader) = leader else { return };
        if sure || self.cache.store().is_coherent() {
            leader.finish(flown);
        } else {
            leader.finish_for_earlier(flown);
        }
    }

    /// The same, of a value that the local tier holds. Where changes are told before they return, nobody has joined
    /// since one; where they are pushed, somebody may have.
    pub(super) fn answer_held(&self, leader: Option<Leader<Flown<V, O>>>, flown: &Flown<V, O>) {
        self.answer(leader, flown, self.cache.store().keeps_fills());
    }

    pub(super) fn promote(
        &self,
        leader: Option<&Leader<Flown<V, O>>>,
        flown: &Flown<V, O>,
        life: Life,
        counted: Option<Arc<Counted>>,
    ) {
        self.promote_from(millis(self.cache.clock().now()), leader, flown, life, counted);
    }

    /// Puts a value into the local tier, unless its key was invalidated since the flight began. Returns whether
    /// the flight is still good. `counted` are its tags, as they were before it was read: if one has changed since,
    /// nobody finds it.
    fn promote_from(
        &self,
        now_ms: u64,
        leader: Option<&Leader<Flown<V, O>>>,
        flown: &Flown<V, O>,
        life: Life,
        counted: Option<Arc<Counted>>,
    ) -> bool {
        let Some(leader) = leader else { return true };
        let store = self.cache.store();
        let Some(tier) = store.tier() else { return leader.is_valid() };
        let fresh_until = life.fresh_for.map_or(u64::MAX, |length| now_ms.saturating_add(millis(length)));
        let stale_until = fresh_until.saturating_add(millis(life.window));
        let deadlines = store.held_until(now_ms, fresh_until, stale_until);
        let key = self.key.as_bytes();
        let value = flown.as_ref().map(|held| self.ops.share(held));
        let entry = Prepared::new(self.cache.namespace(), key, value, deadlines, self.version, life.size);
        let entry = entry.with_tags(counted);
        leader.promote_if_valid(|| (!store.is_disabled()).then(|| tier.insert(entry))).is_some()
    }
}
