//! What the macros' expansion names. Not part of the public API: it changes with the macros, whose version is
//! pinned.

#[cfg(all(feature = "key-map", not(target_family = "wasm")))]
pub use crate::call::Registered;
pub use crate::call::{
    Batch, CallSite, Cloned, Own, Policy, Shape, StrictShape, batch, cached, for_refresh, keys,
    owned_for_refresh, probe, shapes as shape, update, write,
};
pub use crate::declared::{self, Stored};
pub use crate::key::{
    Key, KeyPart, KeyWriter, PartOf, PartRef, PartWriter, RawKey, Tag, Template, Unwritten, write_parts,
};
pub use crate::ttl::Ttl;
pub use crate::value::value;
pub use crate::{__register as register, __site as site, __stored as stored};
#[cfg(all(feature = "key-map", not(target_family = "wasm")))]
pub use inventory;

use crate::key::Kept;
use crate::service::KvCacheService;

/// Stands in dead code for a value of any type: the compiler needs the type, nothing runs it.
#[cold]
#[must_use]
pub fn typed<R>() -> R {
    unreachable!("an expression of the macros' dead code was run")
}

/// A reference to a key part.
#[inline]
pub const fn part<T: ?Sized>(part: &T) -> PartRef<'_, T> {
    PartRef(part)
}

/// A handle on the cache that does not borrow what it is in.
#[must_use]
pub fn own(cache: &KvCacheService) -> KvCacheService {
    cache.clone()
}

/// A key whose value has the type that the method returns.
#[must_use]
pub fn declared_key<V>(key: Key<V>) -> RawKey {
    key.into_raw()
}

/// A key, whatever its value.
pub fn any_key(key: impl IntoRawKey) -> RawKey {
    key.into_raw_key()
}

/// What may be invalidated.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a cache key",
    label = "expected a `Key<_>`, as key functions return it",
    note = "name a key function, as in `#[invalidates(project_key(id))]`, or write a template, as in `#[invalidates(\"project:<id>\")]`"
)]
pub trait IntoRawKey {
    /// The key.
    fn into_raw_key(self) -> RawKey;
}

impl<V: ?Sized> IntoRawKey for Key<V> {
    fn into_raw_key(self) -> RawKey {
        self.into_raw()
    }
}

impl IntoRawKey for RawKey {
    fn into_raw_key(self) -> RawKey {
        self
    }
}

/// The tag that was rendered.
#[must_use]
pub const fn tag(raw: RawKey) -> Tag {
    Tag::new(raw)
}

/// A tag that is to be invalidated.
#[must_use]
pub fn stale_tag(tag: impl IntoTag) -> RawKey {
    tag.into_tag().into_raw()
}

/// A tag that is named by its function.
#[must_use]
pub fn any_tag(tag: impl IntoTag) -> Tag {
    tag.into_tag()
}

/// What may be a tag.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tag",
    label = "expected a `Tag`, as the functions of `#[cache_tag]` return it",
    note = "declare the tag once, as in `#[cache_tag(\"org:<org_id>\")] fn org_tag(org_id: u64);`, and call it here, or write its template, as in `tags = [\"org:<org_id>\"]`"
)]
pub trait IntoTag {
    /// The tag.
    fn into_tag(self) -> Tag;
}

impl IntoTag for Tag {
    fn into_tag(self) -> Tag {
        self
    }
}

/// A key part that outlives what it was made of.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "it is what `part` makes")]
pub fn keep<T: KeyPart + ?Sized>(part: PartRef<'_, T>) -> impl KeyPart<Kind = T::Kind> + use<T> {
    Kept::new(part.0)
}

/// Whether a key of so much literal text and these parts is no longer than `max` bytes; where a part has no longest text,
/// that is seen when the key is written.
#[must_use]
pub const fn fits(max: usize, literal: usize, parts: &[Option<usize>]) -> bool {
    let mut sum = literal;
    let mut index = 0;
    while index < parts.len() {
        match parts[index] {
            Some(length) => sum += length,
            None => return true,
        }
        index += 1;
    }
    sum <= max
}
