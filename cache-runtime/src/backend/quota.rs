//! Quotas: how much is admitted in how much time, and the arithmetic that every engine shares.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::{Backend, Entry, PutOptions};
use crate::error::BackendError;
use crate::rt;

/// How much [`Backend::admit`] admits, in how much time.
///
/// ```
/// use std::time::Duration;
/// use cache_runtime::Quota;
///
/// let a_hundred_a_minute = Quota::window(100, Duration::from_mins(1));
/// let ten_a_second_evenly = Quota::smooth(10, Duration::from_secs(1));
/// let one_a_second_and_thirty_at_once = Quota::smooth(1, Duration::from_secs(1)).with_burst(30);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// A counter for a window of time. The window begins with the first request, and is over with its time: then
    /// all is there again at once. Of two windows that follow each other, the end of the first and the beginning of
    /// the second may lie together: up to twice the limit in one length of time.
    Window {
        /// The most in one window.
        limit: u32,
        /// How long the window is, exact to a millisecond.
        length: Duration,
    },
    /// GCRA, the generic cell rate algorithm (ITU-T I.371): what was used comes back one by one, evenly. In any
    /// stretch of time no more is admitted than `burst` and one for each `interval` in it.
    Smooth {
        /// The most at once.
        burst: u32,
        /// How long until one more is there, exact to a microsecond.
        interval: Duration,
    },
}

/// The longest time that a smooth quota may take to come back whole: Lua counts microseconds exactly to 2^53, and
/// the date needs some of them.
const LONGEST: Duration = Duration::from_micros(1 << 52);

impl Quota {
    /// At most `limit` in each window of `length`.
    #[must_use]
    pub const fn window(limit: u32, length: Duration) -> Self {
        Self::Window { limit, length }
    }

    /// `limit` a `period`, evenly, and as many at once.
    ///
    /// The interval between two is `period / limit`, rounded up to a whole microsecond: never more than told, and
    /// less by one part in `interval` in microseconds at most (at 100 a second one in 10,000; none where the period
    /// divides evenly).
    #[must_use]
    pub fn smooth(limit: u32, period: Duration) -> Self {
        let micros = period.as_micros();
        let interval = match u128::from(limit) {
            // Both are refused by `check`.
            0 => period,
            limit if micros < limit => Duration::ZERO,
            limit => Duration::from_micros(u64::try_from(micros.div_ceil(limit)).unwrap_or(u64::MAX)),
        };
        Self::Smooth { burst: limit, interval }
    }

    /// The same, but with another number at once; only the limit of a window is that number already.
    #[must_use]
    pub const fn with_burst(self, burst: u32) -> Self {
        match self {
            Self::Smooth { interval, .. } => Self::Smooth { burst, interval },
            Self::Window { length, .. } => Self::Window { limit: burst, length },
        }
    }

    /// The most at once.
    #[must_use]
    pub const fn limit(self) -> u32 {
        match self {
            Self::Window { limit, .. } => limit,
            Self::Smooth { burst, .. } => burst,
        }
    }

    /// Why no limiter can be built of it.
    pub(crate) fn check(self) -> Result<(), &'static str> {
        match self {
            _ if self.limit() == 0 => Err("its limit is zero; give at least 1"),
            Self::Window { length, .. } if length < Duration::from_millis(1) => {
                Err("its window is shorter than a millisecond; give a longer one")
            }
            Self::Window { length, .. } if length > LONGEST => {
                Err("its window is longer than 142 years; give a shorter one")
            }
            Self::Smooth { interval, .. } if interval < Duration::from_micros(1) => {
                Err("it is more than one a microsecond; give a lower limit")
            }
            Self::Smooth { burst, interval }
                if interval.checked_mul(burst).is_none_or(|all| all > LONGEST) =>
            {
                Err("it takes longer than 142 years to come back; give a shorter period")
            }
            _ => Ok(()),
        }
    }

    /// Decides, and says what is to be stored then: what was used of a quota, `None` where nothing changes.
    pub(crate) fn decide(self, cost: u32, used: Option<Used>) -> (Decision, Option<Used>) {
        match self {
            Self::Window { limit, length } => {
                let Used { count, left } = used.unwrap_or(Used { count: 0, left: length });
                let sum = count.saturating_add(cost);
                let allowed = sum <= limit;
                let stored = (allowed && cost > 0).then_some(Used { count: sum, left });
                let now = stored.or(used);
                let decision = Decision {
                    allowed,
                    limit,
                    remaining: limit.saturating_sub(now.map_or(0, |used| used.count)),
                    reset_after: now.map_or(Duration::ZERO, |used| used.left),
                    retry_after: (!allowed && cost <= limit).then_some(left),
                };
                (decision, stored)
            }
            Self::Smooth { burst, interval } => {
                let whole = interval.saturating_mul(burst);
                let left = used.map_or(Duration::ZERO, |used| used.left).min(whole);
                let after = left.saturating_add(interval.saturating_mul(cost));
                let allowed = after <= whole;
                let stored = (allowed && cost > 0).then_some(Used { count: 0, left: after });
                let left = stored.map_or(left, |used| used.left);
                let free = whole.saturating_sub(left).as_micros() / interval.as_micros().max(1);
                let decision = Decision {
                    allowed,
                    limit: burst,
                    remaining: u32::try_from(free).unwrap_or(u32::MAX),
                    reset_after: left,
                    retry_after: (!allowed && cost <= burst).then_some(after.saturating_sub(whole)),
                };
                (decision, stored)
            }
        }
    }
}

/// Whether a request is admitted, and how its quota stands then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// It is admitted, and its cost is taken from the quota. Of one that is not, nothing is taken.
    pub allowed: bool,
    /// The most that the quota ever admits at once.
    pub limit: u32,
    /// How much would be admitted now.
    pub remaining: u32,
    /// How long until the whole limit is there again, if nothing more is admitted; zero when it is there now.
    pub reset_after: Duration,
    /// How long until a request of this cost may be admitted. `None` when it is, and when it never will be, since
    /// it costs more than the limit.
    pub retry_after: Option<Duration>,
}

/// What was used of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
    /// How much, of a window.
    pub(crate) count: u32,
    /// The time until nothing is used any more: what is stored lives for just that long, so that the engine's own
    /// clock decides.
    pub(crate) left: Duration,
}

impl Used {
    /// What an engine that does its own counting has stored. What has no end is not of ours, and nothing.
    pub(crate) fn of(entry: &Entry) -> Option<Self> {
        let count = std::str::from_utf8(&entry.value).ok()?.parse().ok()?;
        Some(Self { count, left: entry.expires_in? })
    }
}

/// How often a quota is tried against others who use it.
const TRIES: usize = 256;

/// [`Backend::admit`] of engines that have nothing better.
pub(super) async fn admit<B: Backend + ?Sized>(
    backend: &B,
    key: &str,
    cost: u32,
    quota: Quota,
) -> Result<Decision, BackendError> {
    for lost in 0..TRIES {
        rt::step_aside(&backend.clock(), lost).await;
        let found = backend.get(key).await?;
        let (decision, stored) = quota.decide(cost, found.as_ref().and_then(Shared::read));
        let Some(used) = stored else { return Ok(decision) };
        let (value, ttl) = Shared::write(used, backend.capabilities().minimum_ttl);
        let seen = found.as_ref().map(|entry| entry.value.as_ref());
        if backend.compare_and_set(key, seen, value.into(), PutOptions::with_ttl(ttl)).await? {
            return Ok(decision);
        }
    }
    Err(BackendError::Unavailable("the quota is used by others all the time".into()))
}

/// What is stored where every change is a compare-and-set: the count, the milliseconds that the entry outlives it
/// (an engine may have a shortest time to live), and a number that tells this write from every other. Without that,
/// a count of a window that is over would pass for an equal one of the next.
struct Shared;

impl Shared {
    fn write(used: Used, shortest: Duration) -> (String, Duration) {
        let ttl = used.left.max(shortest);
        let more = ttl.saturating_sub(used.left).as_micros();
        let unique = RandomState::new().hash_one(used.count);
        (format!("{} {more} {unique:x}", used.count), ttl)
    }

    fn read(entry: &Entry) -> Option<Used> {
        let mut words = std::str::from_utf8(&entry.value).ok()?.split(' ');
        let count = words.next()?.parse().ok()?;
        let more = Duration::from_micros(words.next()?.parse().ok()?);
        let left = entry.expires_in?.checked_sub(more).filter(|left| !left.is_zero())?;
        Some(Used { count, left })
    }
}
