//! A look at a key, under way.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::Entry;
#[cfg(all(feature = "redis", not(target_family = "wasm")))]
use super::redis::Gathering;
use crate::error::BackendError;

/// The future that [`Backend::look`](super::Backend::look) returns.
///
/// It is all that a cached call waits for where it finds something, so it has a type of its own: a backend of this crate
/// need not allocate for it. Dropping it before its end is as with any operation of a backend.
///
/// ```
/// use cache_runtime::Looking;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let found = Looking::new(Box::pin(async { Ok(None) })).await;
/// assert!(found.is_ok_and(|entry| entry.is_none()));
/// # }
/// ```
#[must_use = "a future does nothing unless it is awaited"]
pub struct Looking<'a>(Way<'a>);

type Looked = Result<Option<Entry>, BackendError>;

enum Way<'a> {
    Boxed(Pin<Box<dyn Future<Output = Looked> + Send + 'a>>),
    #[cfg(all(feature = "redis", not(target_family = "wasm")))]
    Gathered(Gathering<'a>),
}

impl<'a> Looking<'a> {
    /// Any look.
    pub fn new(look: Pin<Box<dyn Future<Output = Result<Option<Entry>, BackendError>> + Send + 'a>>) -> Self {
        Self(Way::Boxed(look))
    }

    /// One that Redis is asked for together with others.
    #[cfg(all(feature = "redis", not(target_family = "wasm")))]
    pub(super) const fn gathered(look: Gathering<'a>) -> Self {
        Self(Way::Gathered(look))
    }
}

impl Future for Looking<'_> {
    type Output = Looked;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Looked> {
        match &mut self.0 {
            Way::Boxed(look) => look.as_mut().poll(context),
            #[cfg(all(feature = "redis", not(target_family = "wasm")))]
            Way::Gathered(look) => Pin::new(look).poll(context),
        }
    }
}

impl fmt::Debug for Looking<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Looking").finish_non_exhaustive()
    }
}
