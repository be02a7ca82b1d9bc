//! What a `#[cached]` method tells, at compile time, of the value under its template: for `#[updates]`.

use std::marker::PhantomData;

use crate::call::CallSite;
use crate::key::{Glance, Key, Parts, RawKey, Unwritten, UnwrittenKey, glance};

/// A key, the call site that stores under it, and in `D` what is known of the value.
pub struct Stored<D, K = RawKey> {
    pub(crate) site: &'static CallSite,
    pub(crate) key: K,
    /// Where it was taken with the key.
    pub(crate) glance: Option<Glance>,
    declared: PhantomData<fn() -> D>,
}

impl<D, K: UnwrittenKey> Stored<D, K> {
    /// Tells where `key` is stored.
    #[inline]
    #[must_use]
    pub const fn new(site: &'static CallSite, key: K) -> Self {
        Self { site, key, glance: None, declared: PhantomData }
    }

    /// The key alone, of a value of type `V`.
    #[must_use]
    pub fn typed<V: ?Sized>(self) -> Key<V> {
        self.raw().typed()
    }

    /// The key alone.
    #[must_use]
    pub fn raw(self) -> RawKey {
        self.site.write(self.key)
    }
}

impl<D, P: Parts> Stored<D, Unwritten<P>> {
    /// Tells where the key of `parts` is stored.
    #[inline]
    #[must_use]
    pub fn of_parts(site: &'static CallSite, parts: P) -> Self {
        let glance = Some(glance(site.origin(), |key| parts.write(key)));
        Self { site, key: Unwritten::new(parts), glance, declared: PhantomData }
    }
}

/// A value of type `V`, with a time to live that is known while compiling.
pub struct Value<V>(PhantomData<fn() -> V>);
/// A value of type `V`, with a time to live that is computed.
pub struct ValueWithoutTtl<V>(PhantomData<fn() -> V>);
/// A value whose type is a generic of the method.
pub struct Generic;
/// No method caches the template; another error says so.
pub struct Unknown;

/// The same of a value that carries tags.
pub struct Tagged<D>(PhantomData<fn() -> D>);

/// What is known of the value.
pub trait Declared {
    /// Its type, where a `V` is to be stored.
    type Value<V>;
}

impl<T> Declared for Value<T> {
    type Value<V> = T;
}

impl<T> Declared for ValueWithoutTtl<T> {
    type Value<V> = T;
}

impl<D: Declared> Declared for Tagged<D> {
    type Value<V> = D::Value<V>;
}

impl Declared for Generic {
    type Value<V> = Self;
}

impl Declared for Unknown {
    type Value<V> = V;
}

/// The type is `V`.
#[diagnostic::on_unimplemented(
    message = "this method returns a `{V}`, but the `#[cached]` method stores a `{Self}` under the template",
    label = "another type than the cached one",
    note = "return the value that is cached, or use `#[invalidates]`"
)]
pub trait Is<V> {}

impl<V> Is<V> for V {}

/// The method's time to live is known while compiling.
#[diagnostic::on_unimplemented(
    message = "how long the `#[cached]` method stores the value is computed at run time",
    label = "no time to live is known here",
    note = "say it here too: `#[updates(\"…\", ttl = …)]`"
)]
pub trait HasTtl {}

impl<V> HasTtl for Value<V> {}
impl HasTtl for Generic {}
impl HasTtl for Unknown {}
impl<D: HasTtl> HasTtl for Tagged<D> {}

/// The values carry no tags.
#[diagnostic::on_unimplemented(
    message = "the `#[cached]` method stores its values with tags, but this update has none",
    label = "nobody would use the value that is stored",
    note = "say them here too: `#[updates(\"…\", tags = […])]`; or use `#[invalidates]`"
)]
pub trait HasNoTags {}

impl<V> HasNoTags for Value<V> {}
impl<V> HasNoTags for ValueWithoutTtl<V> {}
impl HasNoTags for Generic {}
impl HasNoTags for Unknown {}

/// The values carry tags.
#[diagnostic::on_unimplemented(
    message = "this update has tags, but the `#[cached]` method stores its values without any",
    label = "nobody would use the value that is stored",
    note = "say the tags at that method too; to invalidate a tag beside the update, add `#[invalidates(tags = […])]`"
)]
pub trait HasTags {}

impl<D> HasTags for Tagged<D> {}
impl HasTags for Unknown {}

/// The key of an update that brings tags and its own time to live.
#[must_use]
pub fn tagged_with_own_ttl<V, D: Declared<Value<V>: Is<V>> + HasTags>(
    stored: Stored<D, impl UnwrittenKey>,
) -> RawKey {
    stored.raw()
}

/// The key of an update that brings tags and takes the time to live of the `#[cached]` method.
#[must_use]
pub fn tagged_with_declared_ttl<V, D: Declared<Value<V>: Is<V>> + HasTtl + HasTags>(
    stored: Stored<D, impl UnwrittenKey>,
) -> RawKey {
    stored.raw()
}

/// The key of an update that brings its own time to live.
#[must_use]
pub fn with_own_ttl<V, D: Declared<Value<V>: Is<V>> + HasNoTags>(
    stored: Stored<D, impl UnwrittenKey>,
) -> RawKey {
    stored.raw()
}

/// The key of an update that takes the time to live of the `#[cached]` method.
#[must_use]
pub fn with_declared_ttl<V, D: Declared<Value<V>: Is<V>> + HasTtl + HasNoTags>(
    stored: Stored<D, impl UnwrittenKey>,
) -> RawKey {
    stored.raw()
}

/// The cache of a method's values, by the expression that its attribute has for it.
pub struct In<const CACHE: u64>;

/// It is the cache of this attribute.
#[diagnostic::on_unimplemented(
    message = "this is the key of a `#[cached]` method with another `cache = …` than this attribute has",
    label = "nothing is cached under it in the cache of this attribute",
    note = "say the same `cache = …` here, or write the template, as in `#[invalidates(\"project:<id>\", cache = …)]`"
)]
pub trait IsIn<const CACHE: u64> {}

impl<const CACHE: u64> IsIn<CACHE> for In<CACHE> {}

/// Does not compile where the key function's method caches elsewhere.
pub const fn in_same_cache<const CACHE: u64, C: IsIn<CACHE>>(_: &C) {}

/// The type is `V`, for the batch that returns a map of them.
#[diagnostic::on_unimplemented(
    message = "this method returns a map of `{V}`, but the `#[cached]` method of a single id stores a `{Self}` under the template",
    label = "another type than the cached one",
    note = "return a map of the value that is cached, or give the batch a template of its own with a method of a single id beside it"
)]
pub trait IsEach<V> {}

impl<V> IsEach<V> for V {}

/// The time to live is known while compiling, for the batch.
#[diagnostic::on_unimplemented(
    message = "how long the `#[cached]` method of a single id stores the value is computed at run time",
    label = "no time to live is known here",
    note = "say it here too: `#[cached(key = \"…\", each(id in ids), ttl = …)]`"
)]
pub trait TellsTtl {}

impl<V> TellsTtl for Value<V> {}
impl TellsTtl for Generic {}
impl TellsTtl for Unknown {}
impl<D: TellsTtl> TellsTtl for Tagged<D> {}

/// The method of a single id has no tags, as the batch.
#[diagnostic::on_unimplemented(
    message = "the `#[cached]` method of a single id has tags, but this batch has none",
    label = "the batch would take its values for others",
    note = "say them here too: `#[cached(key = \"…\", each(id in ids), tags = […])]`"
)]
pub trait BothWithoutTags {}

impl<V> BothWithoutTags for Value<V> {}
impl<V> BothWithoutTags for ValueWithoutTtl<V> {}
impl BothWithoutTags for Generic {}
impl BothWithoutTags for Unknown {}

/// The method of a single id has tags, as the batch.
#[diagnostic::on_unimplemented(
    message = "this batch has tags, but the `#[cached]` method of a single id has none",
    label = "the batch would take its values for others",
    note = "say the tags at that method too, or leave them out here"
)]
pub trait BothWithTags {}

impl<D> BothWithTags for Tagged<D> {}
impl BothWithTags for Unknown {}

/// A key of a batch without tags.
#[must_use]
pub const fn batch_without_tags<D: BothWithoutTags, K>(stored: Stored<D, K>) -> Stored<D, K> {
    stored
}

/// A key of a batch with tags.
#[must_use]
pub const fn batch_with_tags<D: BothWithTags, K>(stored: Stored<D, K>) -> Stored<D, K> {
    stored
}

/// The key of an id of a batch that brings its own time to live.
#[must_use]
pub fn batch_with_own_ttl<V, D: Declared<Value<V>: IsEach<V>>>(
    stored: Stored<D, impl UnwrittenKey>,
) -> RawKey {
    stored.raw()
}

/// The key of an id of a batch that takes the time to live of the method of a single id.
#[must_use]
pub fn batch_with_declared_ttl<V, D: Declared<Value<V>: IsEach<V>> + TellsTtl>(
    stored: Stored<D, impl UnwrittenKey>,
) -> RawKey {
    stored.raw()
}
