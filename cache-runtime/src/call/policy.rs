//! What a cached call does with what it loaded.

use std::marker::PhantomData;
use std::time::Duration;

use crate::key::Template;
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
#[derive(Debug, Clone, Copy)]
pub struct Policy<V, C = Always> {
    ttl: Option<Ttl>,
    none_ttl: Option<Ttl>,
    version: Option<u32>,
    condition: C,
    value: PhantomData<fn(&V)>,
}

impl<V> Policy<V> {
    /// Values live for `ttl`; a "not there" is not stored.
    pub fn new(ttl: impl Into<Ttl>) -> Self {
        Self { ttl: Some(ttl.into()), ..Self::declared() }
    }

    /// The same policy for an [`Arc`](std::sync::Arc) of the value.
    pub(crate) fn of_shared(self) -> Policy<std::sync::Arc<V>> {
        let Self { ttl, none_ttl, version, condition, value: _ } = self;
        Policy { ttl, none_ttl, version, condition, value: PhantomData }
    }

    /// What was declared with the key.
    #[must_use]
    pub const fn declared() -> Self {
        Self { ttl: None, none_ttl: None, version: None, condition: Always, value: PhantomData }
    }
}

impl<V, C> Policy<V, C> {
    /// A "not there" is stored, too, and lives for `ttl`.
    #[must_use]
    pub fn none_ttl(mut self, ttl: impl Into<Ttl>) -> Self {
        self.none_ttl = Some(ttl.into());
        self
    }

    /// The version of the value's type, from 1. Stored values of another version are misses.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = Some(version);
        self
    }

    /// Stores only the values for which `condition` is true.
    #[must_use]
    pub fn cache_if<F: Fn(&V) -> bool>(self, condition: F) -> Policy<V, F> {
        let Self { ttl, none_ttl, version, .. } = self;
        Policy { ttl, none_ttl, version, condition, value: PhantomData }
    }

    pub(crate) fn ttl_for(&self, template: &Template) -> Option<Ttl> {
        self.ttl.or(template.declared_ttl())
    }

    pub(crate) fn none_ttl_for(&self, template: &Template) -> Option<Ttl> {
        self.none_ttl.or(template.declared_none_ttl())
    }

    pub(crate) fn declared_version(&self) -> Option<u32> {
        self.version
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

/// Every value is stored.
#[derive(Debug, Clone, Copy)]
pub struct Always;

/// Decides which values are stored.
pub trait Condition<V> {
    #[doc(hidden)]
    fn holds(&self, value: &V) -> bool;
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
