//! How a session store is configured.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::{AREA, SessionStore};
use crate::error::{CacheError, Result};
use crate::seldom::Seldom;
use crate::service::KvCacheService;
use crate::ttl::Ttl;

/// Configures a [`SessionStore`]; see [`SessionStore::builder`].
#[derive(Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct SessionStoreBuilder<T> {
    cache: KvCacheService,
    idle_timeout: Duration,
    absolute_timeout: Duration,
    data: PhantomData<fn() -> T>,
}

impl<T> SessionStoreBuilder<T> {
    pub(super) fn new(cache: KvCacheService) -> Self {
        let (idle_timeout, absolute_timeout) = (Duration::from_mins(30), Duration::from_hours(12));
        Self { cache, idle_timeout, absolute_timeout, data: PhantomData }
    }

    /// How long a session lasts after its last use; 30 minutes if not given. It is over by a minute or a sixteenth
    /// earlier, whichever is less: a use is noted only when so much has passed, which saves most of the writes.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// How long a session lasts from its beginning, or from its login, however busy it is; 12 hours if not given. By
    /// the wall clock of the process that asks.
    pub fn absolute_timeout(mut self, timeout: Duration) -> Self {
        self.absolute_timeout = timeout;
        self
    }

    /// Builds the store. Sends nothing to the backend.
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`] for a timeout of zero, of more than 1,000 years, or shorter than the backend can
    /// keep. [`CacheError::InvalidPrefix`] where the service's prefix leaves no room for `.session`.
    pub fn build(self) -> Result<SessionStore<T>> {
        let Self { cache, idle_timeout, absolute_timeout, data } = self;
        let shortest = cache.backend().capabilities().minimum_ttl;
        for (name, timeout) in [("idle", idle_timeout), ("absolute", absolute_timeout)] {
            let refuse = |why: String| {
                Err(CacheError::Configuration(format!("the {name} timeout of sessions is {why}")))
            };
            if timeout.is_zero() || timeout < shortest {
                let name = cache.backend().name();
                return refuse(format!(
                    "{timeout:?}; {name} keeps no time under {shortest:?}, so give a longer one"
                ));
            }
            if timeout > Ttl::MAX {
                return refuse("longer than 1,000 years; give a shorter one".into());
            }
        }
        let (cache, warned) = (cache.beside(AREA)?, Arc::new(Seldom::new()));
        Ok(SessionStore { cache, idle_timeout, absolute_timeout, warned, data })
    }
}
