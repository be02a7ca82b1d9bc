//! Sessions: what a service knows of a client that shows a token.

mod builder;
mod operations;
mod record;
mod rotate;
mod token;
#[cfg(all(feature = "tower-sessions", not(target_family = "wasm")))]
mod tower;
mod users;

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

pub use builder::SessionStoreBuilder;
pub use token::SessionToken;
#[cfg(all(feature = "tower-sessions", not(target_family = "wasm")))]
pub use tower::TowerSessionStore;

use crate::seldom::Seldom;
use crate::service::KvCacheService;

/// The area beside a service's prefix: `app.session`.
const AREA: &str = "session";

#[doc = include_str!("../../docs/session_store.md")]
pub struct SessionStore<T> {
    cache: KvCacheService,
    idle_timeout: Duration,
    absolute_timeout: Duration,
    warned: Arc<Seldom>,
    data: PhantomData<fn() -> T>,
}

impl<T> SessionStore<T> {
    /// Configures a store on the backend of `cache`.
    pub fn builder(cache: &KvCacheService) -> SessionStoreBuilder<T> {
        SessionStoreBuilder::new(cache.clone())
    }

    /// Whether changes by the backend are atomic.
    fn is_atomic(&self) -> bool {
        self.cache.backend().capabilities().atomic
    }
}

impl<T> Clone for SessionStore<T> {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone(), warned: Arc::clone(&self.warned), ..*self }
    }
}

impl<T> fmt::Debug for SessionStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionStore")
            .field("cache", &self.cache)
            .field("idle_timeout", &self.idle_timeout)
            .field("absolute_timeout", &self.absolute_timeout)
            .finish_non_exhaustive()
    }
}

/// An open session.
///
/// `Debug` does not show the data.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session<T> {
    /// What the service keeps in it.
    pub data: T,
    /// Whose it is, where somebody has logged in.
    pub user: Option<String>,
    /// When it was created, as the time since the Unix epoch.
    pub created: Duration,
    /// When it is over at the latest, as the time since the Unix epoch.
    pub ends: Duration,
}

impl<T> fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("created", &self.created)
            .field("ends", &self.ends)
            .finish_non_exhaustive()
    }
}
