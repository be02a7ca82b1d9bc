//! Calls that load for themselves: inside a bypass or a scope, or while the cache is turned off.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::load::Call;
use super::shape::{Shape, ShapeKind};
use super::site::Event;
use super::stale::Peeked;
use super::tags::Target;
use crate::store::Way;
use crate::value::ValueOps;

impl<V, O: ValueOps<V>, S: ShapeKind> Call<'_, V, O, S> {
    /// What this call may do here and now.
    pub(super) fn way(&self) -> Way {
        self.cache.store().way(self.cache.namespace(), || self.key.as_str())
    }

    /// The call after its lookup, if it has to load for itself: it neither waits for another's load nor stores.
    pub(super) async fn load_apart<R>(
        self,
        way: Way,
        target: &Target,
        body: Pin<&mut impl Future<Output = R>>,
    ) -> R
    where
        S: Shape<R, Value = V>,
    {
        if way == Way::Served
            && let Peeked::Fresh(flown) = self.look(target, Duration::ZERO).await
            && (flown.is_some() || S::OPTIONAL)
        {
            self.site.count(Event::Hit);
            return self.give(flown);
        }
        self.run(body).await
    }
}
