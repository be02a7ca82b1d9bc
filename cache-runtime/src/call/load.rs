//! The cached call after a miss: join the load of the key or lead it, in the caller's own task, and fill.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use super::failures::Failures;
use super::fill::{Found, Life, Permit, Usable};
use super::policy::{Condition, Policy};
use super::shape::{Outcome, Shape, ShapeKind};
use super::site::{CallSite, Event, Step};
use super::stale::{FailedButStale, Stale};
use super::tags::{Before, Glimpse, Target};
use crate::backend::Entry;
use crate::clock::millis;
use crate::error::BackendError;
use crate::key::{Identity, RawKey, identify_text};
use crate::service::KvCacheService;
use crate::store::{
    Counted, Entered, Hit as TierHit, Leader, Prepared, Shared, SharedError, Sought as SoughtInTier, Tier,
    Waited, Way, leading,
};
use crate::value::ValueOps;

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

/// What a call has found out before its body is run.
pub(super) enum Sought<T, H> {
    /// What it returns.
    Answer(T),
    /// Nothing: it is to load, and to fill by the permit.
    Load(Option<Leader<T>>, Option<Permit>, Option<Stale<H>>),
    /// It is to load beside others, whose load is no answer to it: one that failed, perhaps.
    Beside(Option<SharedError>),
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
        sought: &SoughtInTier<'_, Identity>,
        read: impl FnOnce(&Shared) -> bool,
    ) -> bool {
        // A method that cannot say "not there" loads.
        let read = |held: Option<&Shared>| held.map_or(S::OPTIONAL, read);
        let skips = || self.way() == Way::Around;
        tier.get(sought, self.key.as_bytes(), self.version, skips, read) == Some(TierHit::Fresh)
    }

    pub(super) fn identity(&self) -> Identity {
        identify_text(self.key.as_str(), self.version)
    }

    /// What the local tier holds of the key, as it is held.
    pub(super) fn held_shared(&self) -> Option<Flown<V, O>> {
        let store = self.cache.store();
        let tier = store.tier()?;
        let (namespace, now_ms) = (self.cache.namespace(), store.clock.coarse_millis());
        let sought = SoughtInTier { namespace, key: &self.identity(), now_ms };
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

impl<V, O: ValueOps<V>, S: ShapeKind> Call<'_, V, O, S> {
    /// What is there, where a look costs less than to join a load: whoever finds something neither waits nor keeps
    /// others waiting. Where a tier is to be filled, what is read goes by a flight, which tells of a change meanwhile.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would have all that it is given twice")]
    pub(super) fn look_first(&self, target: &Target) -> impl Future<Output = Result<Option<V>, Before>> {
        async move {
            if !self.cache.store().looks_first() || target.is_outdated(self.cache) {
                return Err(Before::Nothing);
            }
            if target.is_tagged() {
                return Box::pin(self.look_first_at_tagged(target)).await;
            }
            match self.cache.look(&target.full_key).await {
                Ok(Some(entry)) => self.first_seen(&entry, target, 0),
                Ok(None) => Err(Before::Absent(0)),
                Err(error) => Err(self.look_failed(error)),
            }
        }
    }

    async fn look_first_at_tagged(&self, target: &Target) -> Result<Option<V>, Before> {
        match target.peek(self.cache).await {
            Ok(Glimpse { entry: Some(entry), generations: Some(generations) }) => {
                self.first_seen(&entry, target, generations)
            }
            Ok(Glimpse { entry: None, generations: Some(generations) }) => Err(Before::Absent(generations)),
            Ok(_) => Err(Before::Nothing),
            Err(error) => Err(self.look_failed(error)),
        }
    }

    /// What a first look has found, if the call can return that.
    fn first_seen(&self, entry: &Entry, target: &Target, generations: u64) -> Result<Option<V>, Before> {
        match self.usable_as(entry, target, generations, |value| value) {
            Some(Usable::Fresh(value, _)) if value.is_some() || S::OPTIONAL => {
                self.site.count(Event::Hit);
                Ok(value)
            }
            _ => Err(Before::Nothing),
        }
    }

    #[cold]
    fn look_failed(&self, error: BackendError) -> Before {
        let _ = self.failed::<O::Held>(error);
        Before::Failed
    }

    /// Joins the load of the key, or reads what is there. This is all of a call that finds an answer, so what does not
    /// come to that is apart from its future.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would have all that it is given twice")]
    pub(super) fn seek(
        &self,
        target: &Target,
        mut before: Before,
        window: Duration,
    ) -> impl Future<Output = Sought<Flown<V, O>, O::Held>> {
        async move {
            match self.join(target, &mut before).await {
                // Apart: of many who wait, one leads.
                Joined::Lead(leader) => Box::pin(self.lead(leader, target.clone(), before, window)).await,
                Joined::Value(flown) if flown.is_some() || S::OPTIONAL => Sought::Answer(flown),
                Joined::Value(_) | Joined::Alone => Sought::Beside(None),
                Joined::Failed(error) => Sought::Beside(Some(error)),
            }
        }
    }

    /// The call after that: returns what it found, or loads.
    pub(super) async fn go_on<R, C, X, F>(
        self,
        sought: Sought<Flown<V, O>, O::Held>,
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
        let error = match sought {
            Sought::Answer(flown) => return self.give(flown),
            Sought::Load(leader, permit, stale) => {
                return self.load_and_fill(leader, permit, stale, policy, failures, body).await;
            }
            Sought::Beside(error) => error,
        };
        if let Some(error) = error {
            if let Some(held) = self.stale_now(&target, policy.error_window()).await {
                return self.give_stale(held);
            }
            if let Some(failed) = failures.unshare(&error) {
                return failed;
            }
        }
        if policy.error_window().is_zero() {
            return self.run(body).await;
        }
        let stale = self.peek(&target, policy.error_window()).await;
        self.load_and_fill(None, None, stale, policy, failures, body).await
    }

    /// What was read or loaded, as the function returns it; a "not there" only of one that can say so.
    pub(super) fn give<R>(&self, flown: Flown<V, O>) -> R
    where
        S: Shape<R, Value = V>,
    {
        self.give_or_none(flown.map(|held| self.ops.give(held)))
    }

    /// The value, or the "not there", as the function returns it.
    pub(super) fn give_or_none<R>(&self, value: Option<V>) -> R
    where
        S: Shape<R, Value = V>,
    {
        match value {
            Some(value) => self.shape.wrap(value),
            None => S::ABSENT.map_or_else(crate::__private::typed, |absent| self.shape.none(absent)),
        }
    }

    /// Joins the flight of the key, or becomes the one who leads it. What was known `before` is old after a wait.
    async fn join(&self, target: &Target, before: &mut Before) -> Joined<Flown<V, O>> {
        // On Workers the runtime ends a request that awaits another's wake-up.
        if cfg!(target_family = "wasm") {
            return Joined::Lead(None);
        }
        let store = self.cache.store();
        let (namespace, key) = (self.cache.namespace(), target.key(self.cache));
        let entered = store.flights.enter::<Flown<V, O>>(namespace, key, target.counted());
        match entered {
            Entered::Lead(leader) => Joined::Lead(Some(leader)),
            Entered::Wait(waiter) => {
                *before = Before::Nothing;
                match waiter.wait(store.waits, &store.clock).await {
                    Waited::Value(flown) => Joined::Value(flown),
                    Waited::Failed(error) => Joined::Failed(error),
                    Waited::Lead(leader) | Waited::LoadYourself(leader) => Joined::Lead(Some(leader)),
                    Waited::TimedOut => Joined::Alone,
                }
            }
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

    /// Reads what is there; where nothing is, the call is to load.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would have all that it is given twice")]
    fn lead(
        &self,
        leader: Option<Leader<Flown<V, O>>>,
        target: Target,
        before: Before,
        window: Duration,
    ) -> impl Future<Output = Sought<Flown<V, O>, O::Held>> {
        async move {
            // Who loads beside another neither takes a lease nor fills.
            let is_sole = leader.as_ref().is_none_or(Leader::is_sole);
            // The load that this call missed may have ended before it came to lead its own.
            if let Some(flown) = self.held_shared() {
                self.answer_held(leader, &flown);
                return Sought::Answer(flown);
            }
            if !is_sole {
                let stale = if window.is_zero() { None } else { Box::pin(self.peek(&target, window)).await };
                return Sought::Load(leader, None, stale);
            }
            let counted = target.counted().cloned();
            let (flown, life) = match self.read(target, before).await {
                Found::Value(held, life) => (Some(held), life),
                Found::Negative(life) if S::OPTIONAL => (None, life),
                // The same key, read by a method that cannot say "not there".
                Found::Negative(_) => return Sought::Load(leader, None, None),
                Found::Stale(held, staleness, permit) => {
                    let stale = self.stale(held, staleness, window, counted);
                    return Sought::Load(leader, permit, stale);
                }
                Found::Nothing(permit) => return Sought::Load(leader, permit, None),
            };
            self.promote(leader.as_ref(), &flown, life, counted);
            self.answer(leader, &flown, false);
            Sought::Answer(flown)
        }
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
        if self.cache.store().tier().is_some() {
            self.promote_from(millis(self.cache.clock().now()), leader, flown, life, counted);
        }
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
