//! Whether a failed load's error can be given to those who wait for it too.

use std::any::Any;
use std::sync::Arc;

use crate::store::SharedError;

/// How the failures in a return type `R` are shared.
pub trait Failures<R>: Copy + Send + Sync {
    #[doc(hidden)]
    fn share(self, failed: &R) -> Option<SharedError>;
    #[doc(hidden)]
    fn unshare(self, shared: &SharedError) -> Option<R>;
}

/// The error cannot be cloned: each waiter loads for itself, a few at a time.
#[derive(Debug, Clone, Copy)]
pub struct Own;

impl<R> Failures<R> for Own {
    fn share(self, _: &R) -> Option<SharedError> {
        None
    }

    fn unshare(self, _: &SharedError) -> Option<R> {
        None
    }
}

/// The error is cloned for each waiter.
#[derive(Debug, Clone, Copy)]
pub struct Cloned;

impl<T, E: Clone + Send + Sync + 'static> Failures<Result<T, E>> for Cloned {
    fn share(self, failed: &Result<T, E>) -> Option<SharedError> {
        let error: Arc<dyn Any + Send + Sync> = Arc::new(failed.as_ref().err()?.clone());
        Some(error)
    }

    fn unshare(self, shared: &SharedError) -> Option<Result<T, E>> {
        Some(Err(shared.downcast_ref::<E>()?.clone()))
    }
}
