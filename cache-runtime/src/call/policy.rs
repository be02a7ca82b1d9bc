//! What a cached call does with what it loaded.

use std::marker::PhantomData;
use std::time::Duration;

use crate::key::{Tag, Template};
use crate::ttl::Ttl;

/// How long a loaded value lives, and whether it is stored at all.
///
/// An integer (seconds), a [`Duration`] and a [`Ttl`] are policies of just that time to live.
///
/// ```
/// use cache_runtime::Policy;
///
/// let policy: Policy<String> = Policy::new(300).none_ttl(5).version(2);
/// ```
#[derive(Debug, Clone)]
pub struct Policy<V, C = Always> {
    /// None for what is declared with the key: a call that misses takes its policy along, and as a rule that is all.
    settings: Option<Box<Settings>>,
    condition: C,
    value: PhantomData<fn(&V)>,
}

/// What a policy says by itself.
#[derive(Debug, Clone)]
struct Settings {
    ttl: Option<Ttl>,
    none_ttl: Option<Ttl>,
    version: Option<u32>,
    jitter: u8,
    stale_if_error: Duration,
    stale_while_revalidate: Duration,
    tags: Vec<Tag>,
}

impl Settings {
    const NONE: Self = Self {
        ttl: None,
        none_ttl: None,
        version: None,
        jitter: 0,
        stale_if_error: Duration::ZERO,
        stale_while_revalidate: Duration::ZERO,
        tags: Vec::new(),
    };
}

impl<V> Policy<V> {
    /// Values live for `ttl`; a "not there" is not stored.
    pub fn new(ttl: impl Into<Ttl>) -> Self {
        Self::declared().set(|settings| settings.ttl = Some(ttl.into()))
    }

    /// The same policy for an [`Arc`](std::sync::Arc) of the value.
    pub(crate) fn of_shared(self) -> Policy<std::sync::Arc<V>> {
        Policy { settings: self.settings, condition: self.condition, value: PhantomData }
    }

    /// What was declared with the key.
    #[must_use]
    pub const fn declared() -> Self {
        Self { settings: None, condition: Always, value: PhantomData }
    }
}

impl<V, C> Policy<V, C> {
    /// A "not there" is stored, too, and lives for `ttl`.
    #[must_use]
    pub fn none_ttl(self, ttl: impl Into<Ttl>) -> Self {
        self.set(|settings| settings.none_ttl = Some(ttl.into()))
    }

    /// The version of the value's type, from 1. Stored values of another version are misses.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        self.set(|settings| settings.version = Some(version))
    }

    /// Stores only the values for which `condition` is true.
    #[must_use]
    pub fn cache_if<F: Fn(&V) -> bool>(self, condition: F) -> Policy<V, F> {
        Policy { settings: self.settings, condition, value: PhantomData }
    }

    /// The time to live is what `ttl` says of the value: seconds, a [`Duration`] or a [`Ttl`]. A value for which
    /// it is zero is not stored. Comes after [`cache_if`](Self::cache_if), which would replace it.
    #[must_use]
    pub fn ttl_from<T: Into<Ttl>, F: Fn(&V) -> T>(self, ttl: F) -> Policy<V, TtlFrom<C, F>> {
        Policy { settings: self.settings, condition: TtlFrom(self.condition, ttl), value: PhantomData }
    }

    /// Shortens the time to live of each stored value by a random part of it, up to so many percent (1 to 100), so
    /// that what is stored together does not expire together.
    ///
    /// ```
    /// use cache_runtime::Policy;
    ///
    /// let policy: Policy<String> = Policy::new(300).ttl_jitter(10); // 270 to 300 seconds
    /// ```
    #[must_use]
    pub fn ttl_jitter(self, percent: u8) -> Self {
        self.set(|settings| settings.jitter = percent.min(100))
    }

    /// Keeps a value for so long after its time to live, and serves it when the load fails (RFC 5861).
    #[must_use]
    pub fn stale_if_error(self, window: impl Into<Ttl>) -> Self {
        self.set(|settings| settings.stale_if_error = length(window.into()))
    }

    /// Keeps a value for so long after its time to live. Only `#[cached]` can refresh it in the background.
    #[doc(hidden)]
    #[must_use]
    pub fn stale_while_revalidate(self, window: impl Into<Ttl>) -> Self {
        self.set(|settings| settings.stale_while_revalidate = length(window.into()))
    }

    /// The value carries these tags: it is stale as soon as one of them is invalidated. Two calls with one key must
    /// give the same tags.
    ///
    /// ```
    /// use cache_runtime::Policy;
    ///
    /// let policy: Policy<String> = Policy::new(300).tags(["org:5", "user:7"]);
    /// ```
    #[must_use]
    pub fn tags<T: Into<Tag>>(self, tags: impl IntoIterator<Item = T>) -> Self {
        self.set(|settings| settings.tags.extend(tags.into_iter().map(Into::into)))
    }

    fn set(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(self.settings.get_or_insert_with(|| Box::new(Settings::NONE)));
        self
    }

    fn settings(&self) -> &Settings {
        static NONE: Settings = Settings::NONE;
        self.settings.as_deref().unwrap_or(&NONE)
    }

    /// The same without stale values in the place of errors; the entry is kept as long.
    pub(crate) fn failing(self) -> Self {
        let window = self.window();
        if window.is_zero() {
            return self;
        }
        self.set(|settings| {
            settings.stale_while_revalidate = window;
            settings.stale_if_error = Duration::ZERO;
        })
    }

    /// Whether values have a time to live at all.
    pub(crate) fn has_ttl(&self, template: &Template) -> bool
    where
        C: Condition<V>,
    {
        C::HAS_TTL || self.settings().ttl.or(template.declared_ttl()).is_some()
    }

    pub(crate) fn ttl_for(&self, value: &V, template: &Template) -> Option<Ttl>
    where
        C: Condition<V>,
    {
        self.condition.ttl(value).or(self.settings().ttl).or(template.declared_ttl())
    }

    /// A time to live as it is to be stored: shortened by chance, but not below what the engine can keep.
    pub(crate) fn shortened(
        &self,
        ttl: Duration,
        minimum: Duration,
        chance: impl FnOnce() -> u64,
    ) -> Duration {
        let jitter = self.settings().jitter;
        if jitter == 0 {
            return ttl;
        }
        let most = u128::from(jitter) * ttl.as_nanos() / 100;
        // Below `most`: the product has 64 bits for the fraction, and 1,000 years in nanoseconds take 65.
        let less = most.saturating_mul(u128::from(chance() >> 2)) >> 62;
        let less = Duration::from_nanos_u128(less);
        ttl.saturating_sub(less).max(minimum.min(ttl))
    }

    /// How long an entry is kept after its value stopped being fresh.
    pub(crate) fn window(&self) -> Duration {
        self.error_window().max(self.refresh_window())
    }

    pub(crate) fn error_window(&self) -> Duration {
        self.settings().stale_if_error
    }

    pub(crate) fn refresh_window(&self) -> Duration {
        self.settings().stale_while_revalidate
    }

    pub(crate) fn none_ttl_for(&self, template: &Template) -> Option<Ttl> {
        self.settings().none_ttl.or(template.declared_none_ttl())
    }

    pub(crate) fn own_tags(&self) -> &[Tag] {
        &self.settings().tags
    }

    pub(crate) fn declared_version(&self) -> Option<u32> {
        self.settings().version
    }

    pub(crate) fn stores(&self, value: &V) -> bool
    where
        C: Condition<V>,
    {
        self.condition.holds(value)
    }
}

impl<V> From<Ttl> for Policy<V> {
    fn from(ttl: Ttl) -> Self {
        Self::new(ttl)
    }
}

impl<V> From<u64> for Policy<V> {
    /// Seconds.
    fn from(seconds: u64) -> Self {
        Self::new(seconds)
    }
}

impl<V> From<Duration> for Policy<V> {
    fn from(ttl: Duration) -> Self {
        Self::new(ttl)
    }
}

/// A window as a length of time.
fn length(window: Ttl) -> Duration {
    window.as_duration().unwrap_or(Ttl::MAX).min(Ttl::MAX)
}

/// Every value is stored.
#[derive(Debug, Clone, Copy)]
pub struct Always;

/// Decides which values are stored.
pub trait Condition<V> {
    #[doc(hidden)]
    fn holds(&self, value: &V) -> bool;
    /// Whether [`ttl`](Self::ttl) says something.
    #[doc(hidden)]
    const HAS_TTL: bool = false;
    #[doc(hidden)]
    fn ttl(&self, value: &V) -> Option<Ttl> {
        let _ = value;
        None
    }
}

/// A condition, and the time to live by the value.
#[derive(Debug, Clone, Copy)]
pub struct TtlFrom<C, F>(C, F);

impl<V, C: Condition<V>, T: Into<Ttl>, F: Fn(&V) -> T> Condition<V> for TtlFrom<C, F> {
    const HAS_TTL: bool = true;

    fn holds(&self, value: &V) -> bool {
        self.0.holds(value)
    }

    fn ttl(&self, value: &V) -> Option<Ttl> {
        Some((self.1)(value).into())
    }
}

impl<V> Condition<V> for Always {
    fn holds(&self, _: &V) -> bool {
        true
    }
}

impl<V, F: Fn(&V) -> bool> Condition<V> for F {
    fn holds(&self, value: &V) -> bool {
        self(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_shortens_by_a_part_of_at_most_the_percentage() {
        let (ttl, policy) = (Duration::from_secs(100), Policy::<u8>::new(100).ttl_jitter(10));
        let stored = |chance| policy.shortened(ttl, Duration::ZERO, || chance);
        assert_eq!(stored(0), ttl);
        assert_eq!(stored(1 << 63), Duration::from_secs(95));
        let shortest = stored(u64::MAX);
        assert!(
            shortest >= Duration::from_secs(90) && shortest < Duration::from_millis(90_001),
            "{shortest:?}"
        );
    }

    #[test]
    fn jitter_leaves_something_of_the_longest_ttl_and_keeps_to_the_shortest() {
        let policy = Policy::<u8>::new(1).ttl_jitter(100);
        for ttl in [Duration::from_nanos(1), Duration::from_secs(1), Ttl::MAX] {
            let stored = policy.shortened(ttl, Duration::ZERO, || u64::MAX);
            assert!(!stored.is_zero() && stored <= ttl, "{ttl:?} became {stored:?}");
        }
        let minute = Duration::from_mins(1);
        assert_eq!(policy.shortened(minute * 2, minute, || u64::MAX), minute);
    }
}
