//! Placeholder until the service lands.
mod backend;
mod clock;
mod error;
mod key;
mod ttl;

pub use backend::*;
pub use clock::Clock;
pub use error::{BackendError, BoxError, CacheError, InvalidKey, Result};
pub use key::*;
pub use ttl::Ttl;

/// Parts for tests.
pub mod testing {
    pub use crate::clock::ManualClock;
}
