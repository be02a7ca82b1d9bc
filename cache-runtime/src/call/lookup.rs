//! The cached call: look into this process's memory.

use std::marker::PhantomData;

use super::load::Call;
use super::miss::Miss;
use super::policy::Policy;
use super::shape::{Shape, ShapeKind};
use super::site::CallSite;
use crate::declared::Stored;
use crate::key::{Glance, Glanced, Template, UnwrittenKey, Words, glance, identify};
use crate::service::KvCacheService;
use crate::store::{Shared, Sought};
use crate::value::{NOWHERE, ValueOps};

/// A cached call, before its lookup.
pub struct Cached<'a, V, O, S, K> {
    cache: &'a KvCacheService,
    site: &'static CallSite,
    key: K,
    glance: Option<Glance>,
    ops: O,
    shape: S,
    /// Where it is not the one that is declared.
    version: Option<u32>,
    value: PhantomData<fn() -> V>,
}

/// What a lookup has found.
pub enum Found<V, O: ValueOps<V>, S: ShapeKind> {
    /// The value, not cloned yet: it is best cloned to where the caller wants to have it. To be moved again while it is
    /// being written costs as much as a hit.
    Lent { lent: O::Lent, ops: O, shape: S },
    /// That there is none.
    None { absent: S::Absent, shape: S },
}

impl<V, O: ValueOps<V>, S: ShapeKind> Found<V, O, S> {
    /// What the function returns.
    #[inline]
    pub fn give<R>(self) -> R
    where
        S: Shape<R, Value = V>,
    {
        match self {
            Self::Lent { lent, ops, shape } => shape.wrap(ops.give_lent(lent)),
            Self::None { absent, shape } => shape.none(absent),
        }
    }
}

/// What is found, or the way to load it.
pub(super) type Looked<'a, V, O, S> = Result<Found<V, O, S>, Miss<'a, V, O, S>>;

/// Begins a cached call.
#[inline]
pub fn cached<V, O: ValueOps<V>, S: ShapeKind, D, K: UnwrittenKey>(
    cache: &KvCacheService,
    stored: Stored<D, K>,
    ops: O,
    shape: S,
) -> Cached<'_, V, O, S, K> {
    Cached { glance: stored.glance, ..Cached::new(cache, stored.site, stored.key, ops, shape) }
}

impl<'a, V, O: ValueOps<V>, S: ShapeKind, K: UnwrittenKey> Cached<'a, V, O, S, K> {
    #[inline]
    pub(super) const fn new(
        cache: &'a KvCacheService,
        site: &'static CallSite,
        key: K,
        ops: O,
        shape: S,
    ) -> Self {
        Self { cache, site, key, glance: None, ops, shape, version: None, value: PhantomData }
    }

    /// Sets what a policy says by hand that attributes declare.
    pub(super) fn with_policy(self, policy: &Policy<V>) -> Self {
        let tagged = if policy.own_tags().is_empty() { 0 } else { Template::TAGGED };
        let version = policy.declared_version().unwrap_or_else(|| self.version());
        Self { version: Some(version & !Template::TAGGED | tagged), ..self }
    }

    #[inline]
    fn version(&self) -> u32 {
        self.version.unwrap_or_else(|| self.site.version_of(&self.key))
    }

    #[inline]
    fn origin(&self) -> usize {
        self.key.origin(self.site.origin())
    }

    /// Looks into this process's memory: no await, no allocation.
    ///
    /// Do not hold what is found over an await: its error need not be `Send`.
    #[inline]
    pub fn lookup(mut self) -> Looked<'a, V, O, S> {
        // Taken out: past the mirror it is found again, so that a hit need not have it in memory.
        let taken = self.glance.take();
        let at_it = || glance(self.origin(), |key| self.key.write_parts(self.version(), key));
        let are = |words: &Words| self.key.are(self.version(), words);
        let key = Glanced { glance: taken.unwrap_or_else(at_it), are };
        let store = self.cache.store();
        let hit = store.tier().and_then(|tier| {
            let (namespace, now_ms) = (self.cache.namespace(), store.clock.coarse_millis());
            let sought = Sought { namespace, key: &key, now_ms };
            tier.lent(&sought, |shared, place| self.ops.borrow(shared, place))
        });
        match hit {
            Some(lent) => {
                self.site.hit();
                Ok(Found::Lent { lent, ops: self.ops, shape: self.shape })
            }
            None => self.ask(),
        }
    }

    /// Goes past what this thread has read before.
    #[inline(never)]
    fn ask(self) -> Looked<'a, V, O, S> {
        let version = self.version();
        let store = self.cache.store();
        let tier = store
            .tier()
            .map(|tier| (tier, identify(self.origin(), |key| self.key.write_parts(version, key))));
        let Self { cache, site, key, ops, shape, .. } = self;
        let key = site.write(key);
        let call = Call { cache, site, key: &key, ops, shape, version, value: PhantomData };
        let mut lent = None;
        let is_held = tier.is_some_and(|(tier, identity)| {
            let now_ms = store.clock.coarse_millis();
            let sought = Sought { namespace: cache.namespace(), key: &identity, now_ms };
            call.is_held(tier, &sought, |shared| {
                lent = ops.borrow(&mut Some(Shared::clone(shared)), NOWHERE);
                lent.is_some()
            })
        });
        let found = match lent {
            Some(lent) => Some(Found::Lent { lent, ops, shape }),
            None => S::ABSENT.map(|absent| Found::None { absent, shape }),
        };
        match found.filter(|_| is_held) {
            Some(found) => {
                site.hit();
                Ok(found)
            }
            None => Err(Miss { cache, site, key, ops, shape, version, value: PhantomData }),
        }
    }
}
