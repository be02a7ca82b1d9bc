//! The cached call over many ids: each is looked up, joined, led and filled on its own, as by the method of a single
//! id; the backend is read once and the author's body runs once, for the ids that are still missing.

mod asked;
mod joining;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::hash::Hash;
use std::pin::pin;

use super::failures::Failures;
use super::load::{Call, Flown};
use super::policy::{Condition, Policy};
use super::shape::{Outcome, Shape, ShapeKind, shapes};
use super::site::{CallSite, Event};
use crate::key::{RawKey, Tag};
use crate::service::KvCacheService;
use crate::together::join_all;
use crate::value::ValueOps;
use asked::{Asked, Part};
use joining::Joining;

/// How many fills are sent at once.
const FILLS: usize = 32;

/// A map from ids to their values: any collection of such pairs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a map from `{T}` to `{V}`",
    label = "not a map from each id to its value",
    note = "the keys of the map are of the same type as the ids; it is `IntoIterator<Item = (T, V)> + Extend<(T, V)> + Default`, as a `HashMap<{T}, {V}>` is"
)]
pub trait MapOf<T, V>: Default + Extend<(T, V)> + IntoIterator<Item = (T, V)> {}

#[diagnostic::do_not_recommend]
impl<T, V, M: Default + Extend<(T, V)> + IntoIterator<Item = (T, V)>> MapOf<T, V> for M {}

/// What the lookup of a batch found. Holds no return value: its error need not be `Send`, and the load awaits.
pub enum Batch<'a, T, V, O: ValueOps<V>, S> {
    /// All of it.
    Hits(Hits<T, V, O, S>),
    /// Not all: load.
    Misses(Misses<'a, T, V, O, S>),
}

/// What is known of the ids, and how the function returns it.
pub struct Hits<T, V, O: ValueOps<V>, S> {
    /// The place in the input, the id and the value of each that is there.
    found: Vec<(usize, T, O::Held)>,
    ops: O,
    shape: S,
}

/// A batch of which some ids have to be asked of the backend, or of the author's body.
pub struct Misses<'a, T, V, O: ValueOps<V>, S> {
    hits: Hits<T, V, O, S>,
    missing: Vec<Asked<'a, T, V, O>>,
}

/// The key of each id.
pub fn keys<T>(ids: &[T], key: impl Fn(&T) -> RawKey) -> Vec<RawKey> {
    ids.iter().map(key).collect()
}

/// Begins a batch: looks every id up in this process's memory, without an await.
pub fn batch<'a, T: Clone + Eq + Hash, V, O: ValueOps<V>, S>(
    cache: &'a KvCacheService,
    site: &'static CallSite,
    ids: &[T],
    keys: &'a [RawKey],
    ops: O,
    shape: S,
) -> Batch<'a, T, V, O, S> {
    let mut hits = Hits { found: Vec::with_capacity(ids.len()), ops, shape };
    let mut missing = Vec::new();
    let mut seen = HashSet::with_capacity(ids.len());
    for (at, (id, key)) in ids.iter().zip(keys).enumerate().filter(|(_, (id, _))| seen.insert(*id)) {
        // A map can say "not there", whatever the method of a single id can.
        let call = Call::new(cache, site, key, ops, shapes::Option);
        match call.held_shared() {
            Some(held) => {
                site.hit();
                hits.found.extend(held.map(|held| (at, id.clone(), held)));
            }
            None => missing.push(Asked::new(at, id.clone(), call)),
        }
    }
    if missing.is_empty() { Batch::Hits(hits) } else { Batch::Misses(Misses { hits, missing }) }
}

impl<T, V, O: ValueOps<V>, S: ShapeKind> Hits<T, V, O, S> {
    /// The values as the function returns them.
    pub fn wrap<R, M>(self) -> R
    where
        S: Shape<R, Value = M>,
        M: MapOf<T, V>,
    {
        self.wrap_with(Vec::new())
    }

    /// The same, with what the body gave unasked.
    fn wrap_with<R, M>(mut self, more: Vec<(T, V)>) -> R
    where
        S: Shape<R, Value = M>,
        M: MapOf<T, V>,
    {
        self.found.sort_unstable_by_key(|(at, ..)| *at);
        let mut map = M::default();
        map.extend(self.found.into_iter().map(|(_, id, held)| (id, self.ops.give(held))));
        map.extend(more);
        self.shape.wrap(map)
    }
}

impl<T: Clone + Eq + Hash, V, O: ValueOps<V>, S: ShapeKind> Misses<'_, T, V, O, S> {
    /// Each id has the tags that `tags` tells.
    #[must_use]
    pub fn tags<const N: usize>(mut self, tags: impl Fn(&T) -> [Tag; N]) -> Self {
        self.missing.iter_mut().for_each(|asked| asked.tags = tags(&asked.id).into());
        self
    }

    /// Waits for those who load some of the ids already, leads the load of the others: reads the backend once, else
    /// awaits `body` once, in this task, with what is still missing; and fills.
    ///
    /// A cache that fails costs the load, never the call.
    pub async fn load<R, M, C, X, B, F>(self, policy: Policy<V, C>, failures: X, body: B) -> R
    where
        S: Shape<R, Value = M>,
        M: MapOf<T, V>,
        C: Condition<V>,
        X: Failures<R>,
        B: FnOnce(Vec<T>) -> F,
        F: Future<Output = R>,
    {
        // The author's future need not have room for it.
        Box::pin(self.load_here(policy, failures, body)).await
    }

    async fn load_here<R, M, C, X, B, F>(self, policy: Policy<V, C>, failures: X, body: B) -> R
    where
        S: Shape<R, Value = M>,
        M: MapOf<T, V>,
        C: Condition<V>,
        X: Failures<R>,
        B: FnOnce(Vec<T>) -> F,
        F: Future<Output = R>,
    {
        let Self { mut hits, mut missing } = self;
        let (ops, shape) = (hits.ops, hits.shape);
        for asked in &mut missing {
            asked.call.site.count(Event::Miss);
            asked.target = asked.call.prepare(&policy, &asked.tags);
            if asked.target.is_none() {
                asked.part = Part::Aside;
            }
        }
        asked::serve(&mut missing).await;
        if let Some(failed) = Joining(&mut missing).join(failures).await {
            return failed;
        }
        asked::read(&mut missing).await;
        for asked in missing.extract_if(.., |asked| asked.is_done()) {
            hits.found.extend(asked.into_found());
        }
        if missing.is_empty() {
            return hits.wrap();
        }

        missing.sort_unstable_by_key(|asked| asked.at);
        missing.iter_mut().for_each(Asked::begin);
        let ids = missing.iter().map(|asked| asked.id.clone()).collect();
        let body = pin!(body(ids));
        let Some(first) = missing.first() else { return hits.wrap() };
        let whole = first.call.run(body).await;
        // A failure leaves before the next await: it need not be `Send`.
        let map = match shape.split(whole) {
            Outcome::Value(map) => map,
            Outcome::None(none) => return none(),
            Outcome::Failed(whole) => {
                for asked in missing {
                    asked.fail(failures.share(&whole));
                }
                return whole;
            }
        };
        let mut loaded: Vec<Flown<V, O>> = missing.iter().map(|_| None).collect();
        let mut more = Vec::new();
        {
            let places: HashMap<&T, usize> = missing.iter().map(|asked| &asked.id).zip(0..).collect();
            for (id, value) in map {
                match places.get(&id).and_then(|place| loaded.get_mut(*place)) {
                    Some(slot) => *slot = Some(ops.hold(value)),
                    None => more.push((id, value)),
                }
            }
        }
        let mut stored = Vec::with_capacity(missing.len());
        for (some, values) in missing.chunks_mut(FILLS).zip(loaded.chunks(FILLS)) {
            let fills = some.iter_mut().zip(values).map(|(asked, flown)| asked.settle(flown, &policy));
            stored.extend(join_all(fills).await);
        }
        // All are filled before the first is answered: who waited for one then finds the others too.
        for ((mut asked, flown), stored) in missing.into_iter().zip(loaded).zip(stored) {
            asked.answer(&flown, stored);
            hits.found.extend(flown.map(|held| (asked.at, asked.id, held)));
        }
        hits.wrap_with(more)
    }
}
