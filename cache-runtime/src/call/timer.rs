//! A limit on how long a load may take.

use std::future::Future;
use std::time::Duration;

use super::miss::Miss;
use super::shape::Shape;
use crate::clock::Clock;
use crate::error::CacheError;
use crate::rt;
use crate::ttl::Ttl;

/// A return type that can say that a load took too long.
#[diagnostic::on_unimplemented(
    message = "`timeout` needs a return type that can hold a `CacheError`",
    label = "not a `Result<_, E>` with `E: From<CacheError>`",
    note = "the call fails when the body has not ended in time; implement `From<cache_runtime::CacheError>` for the error, or leave out `timeout`"
)]
pub trait TimedShape<R>: Shape<R> {
    #[doc(hidden)]
    fn timed_out(self, error: CacheError) -> R;
}

#[diagnostic::do_not_recommend]
impl<T, E: From<CacheError>> TimedShape<Result<T, E>> for super::shapes::Result {
    fn timed_out(self, error: CacheError) -> Result<T, E> {
        Err(error.into())
    }
}

#[diagnostic::do_not_recommend]
impl<T, E: From<CacheError>> TimedShape<Result<Option<T>, E>> for super::shapes::ResultOption {
    fn timed_out(self, error: CacheError) -> Result<Option<T>, E> {
        Err(error.into())
    }
}

/// The limit, and how the function returns that it was reached.
#[derive(Debug, Clone)]
pub struct Timer<S> {
    clock: Clock,
    limit: Option<Duration>,
    shape: S,
}

impl<V, O, S: Copy> Miss<'_, V, O, S> {
    /// A limit for the loads of this call.
    pub fn timer(&self, limit: impl Into<Ttl>) -> Timer<S> {
        let (limit, clock) = (limit.into().as_duration(), self.cache.clock().clone());
        Timer { clock, limit, shape: self.shape }
    }
}

impl<S> Timer<S> {
    /// Awaits `body`, and drops it when the limit is over. Without a runtime to keep time it is never over.
    pub async fn within<R>(self, body: impl Future<Output = R>) -> R
    where
        S: TimedShape<R>,
    {
        let Self { clock, limit, shape } = self;
        let Some(limit) = limit else { return body.await };
        match rt::at_most(&clock, limit, body).await {
            Some(whole) => whole,
            None => shape.timed_out(CacheError::LoadTimedOut { limit }),
        }
    }
}
