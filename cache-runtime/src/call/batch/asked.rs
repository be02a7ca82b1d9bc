//! One id of a batch: who loads it, and what becomes of it.

use std::sync::Arc;

use crate::call::fill::{Found, Permit, Usable};
use crate::call::load::{Call, Flown};
use crate::call::policy::{Condition, Policy};
use crate::call::shape::shapes;
use crate::call::site::Event;
use crate::call::tags::{self, Target};
use crate::key::Tag;
use crate::store::{Counted, Entered, Leader, SharedError, Waiter, Way};
use crate::value::ValueOps;

/// An id that was not in this process's memory.
pub(super) struct Asked<'a, T, V, O: ValueOps<V>> {
    /// Its place in the input.
    pub(super) at: usize,
    pub(super) id: T,
    pub(super) call: Call<'a, V, O, shapes::Option>,
    pub(super) tags: Vec<Tag>,
    /// `None` where the id goes by the cache.
    pub(super) target: Option<Target>,
    pub(super) part: Part<Flown<V, O>>,
    permit: Option<Permit>,
}

/// What the batch has to do with the load of an id.
pub(super) enum Part<T> {
    /// Nothing yet.
    Open,
    /// It loads for all who wait; where calls wait for nobody, for itself.
    Leads(Option<Leader<T>>),
    /// It loads for itself, beside another or by the cache, and does not fill.
    Aside,
    /// The load is over.
    Done(T),
}

impl<'a, T, V, O: ValueOps<V>> Asked<'a, T, V, O> {
    pub(super) const fn new(at: usize, id: T, call: Call<'a, V, O, shapes::Option>) -> Self {
        Self { at, id, call, tags: Vec::new(), target: None, part: Part::Open, permit: None }
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.part, Part::Open)
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self.part, Part::Done(_))
    }

    /// The value of one that is done, if there is one.
    pub(super) fn into_found(self) -> Option<(usize, T, O::Held)> {
        match self.part {
            Part::Done(flown) => flown.map(|held| (self.at, self.id, held)),
            _ => None,
        }
    }

    fn counted(&self) -> Option<&Arc<Counted>> {
        self.target.as_ref()?.counted()
    }

    /// Joins the load in flight, if there is one.
    pub(super) fn join(&self) -> Option<Waiter<Flown<V, O>>> {
        let cache = self.call.cache;
        cache.store().flights.join(cache.namespace(), self.call.key.as_str(), self.counted())
    }

    /// Leads the load, unless somebody else does, for whom to wait then. What was loaded meanwhile ends it.
    pub(super) fn lead(&mut self) -> Option<Waiter<Flown<V, O>>> {
        let cache = self.call.cache;
        let (namespace, key) = (cache.namespace(), self.call.key.as_str());
        match cache.store().flights.enter(namespace, key, self.counted()) {
            Entered::Wait(waiter) => Some(waiter),
            Entered::Lead(leader) => {
                self.take_lead(leader);
                None
            }
        }
    }

    /// Leads. The load that was missed may have ended before.
    pub(super) fn take_lead(&mut self, mut leader: Leader<Flown<V, O>>) {
        leader.begin();
        self.part = match self.call.held_shared() {
            Some(flown) => {
                self.call.answer_held(Some(leader), &flown);
                Part::Done(flown)
            }
            None => Part::Leads(Some(leader)),
        };
    }

    /// Loads beside somebody else, unless that one has ended.
    pub(super) fn go_aside(&mut self) {
        self.part = self.call.held_shared().map_or(Part::Aside, Part::Done);
    }

    /// Whether to read the backend for it. Who loads beside another neither takes a lease nor fills.
    fn is_to_be_read(&self) -> bool {
        let is_sole = match &self.part {
            Part::Leads(leader) => leader.as_ref().is_none_or(Leader::is_sole),
            _ => false,
        };
        is_sole && self.target.as_ref().is_some_and(|target| !target.is_bypassed(self.call.cache))
    }

    /// Says that the load begins: who has joined by now may have its value.
    pub(super) fn begin(&mut self) {
        if let Part::Leads(Some(leader)) = &mut self.part {
            leader.begin();
        }
    }

    fn found(&mut self, found: Found<O::Held>) {
        let (flown, life) = match found {
            Found::Value(held, life) => (Some(held), life),
            Found::Negative(life) => (None, life),
            // A batch serves nothing stale.
            Found::Stale(_, _, permit) | Found::Nothing(permit) => return self.permit = permit,
        };
        if let Part::Leads(leader) = std::mem::replace(&mut self.part, Part::Aside) {
            self.call.promote(leader.as_ref(), &flown, life, self.counted().cloned());
            self.call.answer(leader, &flown, false);
        }
        self.part = Part::Done(flown);
    }

    /// The load failed, with what may be shared of the failure.
    pub(super) fn fail(self, shared: Option<SharedError>) {
        drop(self.permit);
        if let Part::Leads(Some(leader)) = self.part {
            leader.fail(shared);
        }
    }

    /// Fills. Returns whether the value was stored.
    pub(super) async fn settle<C: Condition<V>>(
        &mut self,
        flown: &Flown<V, O>,
        policy: &Policy<V, C>,
    ) -> bool {
        let leader = match &self.part {
            Part::Leads(leader) => leader.as_ref(),
            _ => return false,
        };
        self.call.settle(leader, self.permit.take(), flown, policy).await
    }

    /// Gives what was loaded to those who wait.
    pub(super) fn answer(&mut self, flown: &Flown<V, O>, stored: bool) {
        if let Part::Leads(leader) = std::mem::replace(&mut self.part, Part::Aside) {
            let tagged = self.target.as_ref().is_some_and(Target::is_tagged);
            let sure = stored && !tagged && self.call.cache.backend().capabilities().leases;
            self.call.answer(leader, flown, sure);
        }
    }
}

/// Takes those aside that have to be loaded apart, and reads the backend, once, for those that may be served from it.
pub(super) async fn serve<T, V, O: ValueOps<V>>(missing: &mut [Asked<'_, T, V, O>]) {
    let (mut served, mut targets) = (Vec::new(), Vec::new());
    for asked in missing.iter_mut().filter(|asked| asked.is_open()) {
        let way = asked.call.way();
        if way != Way::Cached {
            asked.part = Part::Aside;
        }
        let target = asked.target.clone().filter(|target| !target.is_bypassed(asked.call.cache));
        if let Some(target) = target.filter(|_| way == Way::Served) {
            served.push(asked);
            targets.push(target);
        }
    }
    let Some(cache) = served.first().map(|asked| asked.call.cache) else { return };
    let Ok(entries) = tags::peek(cache, &targets.iter().collect::<Vec<_>>()).await else { return };
    for ((asked, target), found) in served.into_iter().zip(&targets).zip(entries) {
        let usable =
            found.entry().and_then(|(entry, generations)| asked.call.usable(&entry, target, generations));
        if let Some(Usable::Fresh(flown, _)) = usable {
            asked.call.site.count(Event::Hit);
            asked.part = Part::Done(flown);
        }
    }
}

/// Reads the backend, once, for all that this batch leads.
pub(super) async fn read<T, V, O: ValueOps<V>>(missing: &mut [Asked<'_, T, V, O>]) {
    let mut led: Vec<_> = missing.iter_mut().filter(|asked| asked.is_to_be_read()).collect();
    for asked in &mut led {
        asked.begin();
    }
    let Some(cache) = led.first().map(|asked| asked.call.cache) else { return };
    let targets: Vec<Target> = led.iter().filter_map(|asked| asked.target.clone()).collect();
    match tags::read(cache, &targets.iter().collect::<Vec<_>>()).await {
        Ok(reads) => {
            for ((asked, target), seen) in led.into_iter().zip(targets).zip(reads) {
                let found = asked.call.found(target, seen).await;
                asked.found(found);
            }
        }
        Err(error) => {
            if let Some(first) = led.first() {
                first.call.failed::<O::Held>(error);
            }
        }
    }
}
