//! What a `#[cached]` method tells, at compile time, of the value under its template: for `#[updates]`.

use std::marker::PhantomData;

use crate::key::RawKey;

/// A value of type `V`, with a time to live that is known while compiling.
pub struct Value<V>(PhantomData<fn() -> V>);
/// A value of type `V`, with a time to live that is computed.
pub struct ValueWithoutTtl<V>(PhantomData<fn() -> V>);
/// A value whose type is a generic of the method.
pub struct Generic;
/// No method caches the template; another error says so.
pub struct Unknown;

/// Makes any of them.
#[must_use]
pub fn new<D: Declared>() -> D {
    D::NEW
}

/// Any of them.
pub trait Declared {
    #[doc(hidden)]
    const NEW: Self;
}

impl<V> Declared for Value<V> {
    const NEW: Self = Self(PhantomData);
}

impl<V> Declared for ValueWithoutTtl<V> {
    const NEW: Self = Self(PhantomData);
}

impl Declared for Generic {
    const NEW: Self = Self;
}

/// The method stores a `V` under this template.
#[diagnostic::on_unimplemented(
    message = "this method returns a `{V}`, but the `#[cached]` method stores a `{Self}` under the template",
    label = "another type than the cached one",
    note = "return the value that is cached, or use `#[invalidates]`"
)]
pub trait Stores<V> {}

impl<V> Stores<V> for Value<V> {}
impl<V> Stores<V> for ValueWithoutTtl<V> {}
impl<V> Stores<V> for Unknown {}

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

/// The key of an update that brings its own time to live.
#[must_use]
pub fn with_own_ttl<V, D: Stores<V>>(_: &D, key: RawKey) -> RawKey {
    key
}

/// The key of an update that takes the time to live of the `#[cached]` method.
#[must_use]
pub fn with_declared_ttl<V, D: Stores<V> + HasTtl>(_: &D, key: RawKey) -> RawKey {
    key
}

/// The method stores a `V` under this template, for the batch that returns a map of them.
#[diagnostic::on_unimplemented(
    message = "this method returns a map of `{V}`, but the `#[cached]` method of a single id stores a `{Self}` under the template",
    label = "another type than the cached one",
    note = "return a map of the value that is cached, or give the batch a template of its own with a method of a single id beside it"
)]
pub trait StoresEach<V> {}

impl<V> StoresEach<V> for Value<V> {}
impl<V> StoresEach<V> for ValueWithoutTtl<V> {}
impl<V> StoresEach<V> for Unknown {}

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

/// The key of an id of a batch that brings its own time to live.
#[must_use]
pub fn batch_with_own_ttl<V, D: StoresEach<V>>(_: &D, key: RawKey) -> RawKey {
    key
}

/// The key of an id of a batch that takes the time to live of the method of a single id.
#[must_use]
pub fn batch_with_declared_ttl<V, D: StoresEach<V> + TellsTtl>(_: &D, key: RawKey) -> RawKey {
    key
}
