//! How long a value may be served.

use std::time::Duration;

use crate::error::{CacheError, Result};

/// A time to live: a positive length of time, or [`Ttl::NEVER`].
///
/// A plain integer is in seconds; anything finer is a [`Duration`]. Zero and lengths above [`Ttl::MAX`] are
/// refused, with an error, by the call that they are given to.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::Ttl;
///
/// assert_eq!(Ttl::from(300), Ttl::from(Duration::from_secs(300)));
/// assert_eq!(Ttl::NEVER.as_duration(), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ttl(Option<Duration>);

impl Ttl {
    /// The value does not expire. It can still be invalidated, or evicted for capacity.
    pub const NEVER: Self = Self(None);
    /// The longest finite time to live: 1,000 years of 365 days.
    pub const MAX: Duration = Duration::from_hours(1_000 * 365 * 24);

    /// A time to live in seconds, in a constant.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Some(Duration::from_secs(seconds)))
    }

    /// A time to live as a duration, in a constant.
    #[must_use]
    pub const fn from_duration(duration: Duration) -> Self {
        Self(Some(duration))
    }

    /// The length of time; `None` for [`Ttl::NEVER`].
    #[must_use]
    pub const fn as_duration(self) -> Option<Duration> {
        self.0
    }

    /// The length of time for `operation`, or why it is refused.
    pub(crate) fn checked(self, operation: &'static str) -> Result<Option<Duration>> {
        match self.0 {
            Some(duration) if duration.is_zero() => Err(CacheError::InvalidTtl {
                operation,
                reason: "it is zero; to store for ever, use `Ttl::NEVER`",
            }),
            Some(duration) if duration > Self::MAX => Err(CacheError::InvalidTtl {
                operation,
                reason: "it is longer than 1,000 years; to store for ever, use `Ttl::NEVER`",
            }),
            length => Ok(length),
        }
    }
}

impl From<u64> for Ttl {
    /// Seconds.
    fn from(seconds: u64) -> Self {
        Self::from_secs(seconds)
    }
}

impl From<Duration> for Ttl {
    fn from(duration: Duration) -> Self {
        Self::from_duration(duration)
    }
}
