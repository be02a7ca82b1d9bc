//! Values past their time to live: where they are found, and who may be served them (RFC 5861).

use std::sync::Arc;
use std::time::Duration;

use super::fill::Usable;
use super::load::{Call, Flown};
use super::shape::{Shape, ShapeKind};
use super::site::Event;
use super::tags::Target;
use crate::clock::millis;
use crate::store::{Counted, Hit, SharedError, Sought};
use crate::value::ValueOps;

/// A stale value, and until when it may be served on the clock of the service.
pub(super) struct Stale<H> {
    pub(super) held: H,
    until: Duration,
    counted: Option<Arc<Counted>>,
}

/// The failure that waiters are told whose leader has an error that cannot be shared, and a stale value: there may
/// be one for them, too.
pub(super) struct FailedButStale;

impl FailedButStale {
    pub(super) fn share<H>(_: &H) -> SharedError {
        Arc::new(Self)
    }
}

/// What is in the backend for a call that serves stale values.
pub(super) enum Peeked<T, H> {
    Fresh(T),
    Stale(H),
    Nothing,
}

impl<V, O: ValueOps<V>, S: ShapeKind> Call<'_, V, O, S> {
    /// A value that was read when it had been stale for so long, if it may be served within `window`.
    pub(super) fn stale(
        &self,
        held: O::Held,
        staleness: Duration,
        window: Duration,
        counted: Option<Arc<Counted>>,
    ) -> Option<Stale<O::Held>> {
        let left = window.checked_sub(staleness).filter(|left| !left.is_zero())?;
        Some(Stale { held, until: self.cache.clock().now().saturating_add(left), counted })
    }

    /// Whether it still may be served.
    pub(super) fn is_within(&self, stale: &Stale<O::Held>) -> bool {
        let tags = &self.cache.store().tags;
        self.cache.clock().now() < stale.until
            && stale.counted.as_ref().is_none_or(|counted| tags.is_current(counted))
    }

    /// What this process's memory holds that is stale for less than `window`.
    pub(super) fn held_stale(&self, window: Duration) -> Option<O::Held> {
        if window.is_zero() {
            return None;
        }
        let (tier, now_ms) = (self.cache.store().tier()?, self.cache.store().clock.coarse_millis());
        let mut held = None;
        let identity = self.identity();
        let mut at = |now_ms| {
            let sought = Sought { namespace: self.cache.namespace(), key: &identity, now_ms };
            tier.get(
                &sought,
                self.key.as_bytes(),
                self.version,
                || false,
                |shared| {
                    held = shared.and_then(|shared| self.ops.unshare(shared));
                    held.is_some()
                },
            )
        };
        at(now_ms)?;
        // Stale for less than the window: it was fresh a window ago.
        let was = at(now_ms.saturating_sub(millis(window)))?;
        held.filter(|_| was == Hit::Fresh)
    }

    /// What is in the backend, if it is fresh or stale for less than `window`. A backend that fails has nothing.
    pub(super) async fn look(&self, target: &Target, window: Duration) -> Peeked<Flown<V, O>, O::Held> {
        if target.is_bypassed(self.cache) {
            return Peeked::Nothing;
        }
        let Ok(glimpse) = target.peek(self.cache).await else { return Peeked::Nothing };
        let Some((entry, generations)) = glimpse.entry() else { return Peeked::Nothing };
        match self.usable(&entry, target, generations) {
            Some(Usable::Fresh(flown, _)) => Peeked::Fresh(flown),
            Some(Usable::Stale(held, staleness)) if staleness < window => Peeked::Stale(held),
            _ => Peeked::Nothing,
        }
    }

    /// A stale value to fall back on, should a load fail that fills nothing.
    pub(super) async fn peek(&self, target: &Target, window: Duration) -> Option<Stale<O::Held>> {
        let (entry, generations) = target.peek(self.cache).await.ok()?.entry()?;
        match self.usable(&entry, target, generations)? {
            Usable::Stale(held, staleness) if !target.is_bypassed(self.cache) => {
                self.stale(held, staleness, window, target.counted().cloned())
            }
            _ => None,
        }
    }

    /// A value that may be served now in the place of a load that failed for others.
    pub(super) async fn stale_now(&self, target: &Target, window: Duration) -> Option<O::Held> {
        if window.is_zero() {
            return None;
        }
        match self.held_stale(window) {
            Some(held) => Some(held),
            None => match self.look(target, window).await {
                Peeked::Fresh(held) => held,
                Peeked::Stale(held) => Some(held),
                Peeked::Nothing => None,
            },
        }
    }

    /// The stale value as the function returns it.
    pub(super) fn give_stale<R>(&self, held: O::Held) -> R
    where
        S: Shape<R, Value = V>,
    {
        self.site.count(Event::Stale);
        self.shape.wrap(self.ops.give(held))
    }
}
