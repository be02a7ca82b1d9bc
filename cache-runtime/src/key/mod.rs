//! Keys: typed, rendered on the stack, injective.

mod identity;
mod part;
mod pattern;
mod prefix;
mod render;
mod tag;
mod template;
mod text;
mod unwritten;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;

pub(crate) use identity::{Form, Glance, Head, Identified, Identity, Rest, Words};
pub(crate) use part::{Kept, escaped, is_separator_or_glob};
pub use part::{KeyPart, PartOf, PartRef, PartWriter, RawPart};
pub(crate) use pattern::Pattern;
pub use prefix::Prefix;
pub use render::{KeyWriter, RawKey};
pub use tag::Tag;
pub use template::Template;
pub(crate) use text::FullKey;
pub(crate) use unwritten::{Glanced, Parts, UnwrittenKey, glance, identify, identify_text};
pub use unwritten::{Unwritten, write_parts};

use crate::error::InvalidKey;

/// The longest full key (prefix, colon and key), in bytes of UTF-8. It is Cloudflare KV's limit.
///
/// A template whose parts all have a longest text, and that could have a longer key behind the longest prefix, does not
/// build: where a part is of a type by another name, or a newtype, when the key is used.
///
/// ```compile_fail,E0080
/// use cache_runtime::{KeyPart, cache_key};
///
/// #[derive(KeyPart)]
/// pub struct Id(u128);
///
/// #[cache_key("a:<a>:b:<b>:c:<c>:d:<d>:e:<e>:f:<f>:g:<g>:h:<h>:i:<i>:j:<j>:k:<k>", ttl = 60)]
/// pub fn sum_key(a: Id, b: Id, c: Id, d: Id, e: Id, f: Id, g: Id, h: Id, i: Id, j: Id, k: Id) -> u64;
///
/// let id = || Id(7);
/// let _ = sum_key(id(), id(), id(), id(), id(), id(), id(), id(), id(), id(), id());
/// ```
pub const MAX_KEY_LEN: usize = 512;

/// A rendered key together with the type `V` of the value stored there.
///
/// `#[cached]` and `#[cache_key]` emit functions that return one. The key is relative to a prefix: give it to the
/// service that owns the value. Up to 62 bytes are held without allocating.
///
/// `Debug` shows the template and a short hash and no part of the key, so that it can stand in a log; `Display`
/// writes the whole key.
///
/// ```
/// use cache_runtime::{Key, cache_key};
///
/// /// The title of a page.
/// #[cache_key("title:<page>", ttl = 60)]
/// pub fn title_key(page: u64) -> String;
///
/// let key: Key<String> = title_key(7);
/// assert_eq!(key.as_str(), "title:7");
/// assert_eq!(key.template(), "title:<page>");
/// ```
pub struct Key<V: ?Sized> {
    raw: RawKey,
    value: PhantomData<fn() -> V>,
}

impl<V: ?Sized> Key<V> {
    pub(crate) fn new(raw: RawKey) -> Self {
        Self { raw, value: PhantomData }
    }

    /// The key's text, without a prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.raw.as_str()
    }

    /// The template that the key came from, as its author wrote it.
    #[must_use]
    pub fn template(&self) -> &'static str {
        self.raw.template().text()
    }

    pub(crate) fn into_raw(self) -> RawKey {
        self.raw
    }
}

impl<V: ?Sized> Clone for Key<V> {
    fn clone(&self) -> Self {
        Self::new(self.raw.clone())
    }
}

impl<V: ?Sized> PartialEq for Key<V> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<V: ?Sized> Eq for Key<V> {}

impl<V: ?Sized> Hash for Key<V> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl<V: ?Sized> fmt::Display for Key<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<V: ?Sized> fmt::Debug for Key<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Key").field(&self.raw).finish()
    }
}

/// What a service method accepts as the key of a value of type `V`: a [`Key<V>`], or a text.
///
/// A text is checked (not empty, no control character, not too long) but not escaped.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the key of a `{V}`",
    label = "the key of another type of value",
    note = "a `Key<V>` reads and writes a `V`; a `&str` reads and writes any type that is asked for"
)]
pub trait IntoKey<V: ?Sized>: AsKey {}

impl<V: ?Sized> IntoKey<V> for Key<V> {}
impl<V: ?Sized> IntoKey<V> for &Key<V> {}
impl<V: ?Sized> IntoKey<V> for str {}
impl<V: ?Sized> IntoKey<V> for &str {}
impl<V: ?Sized> IntoKey<V> for String {}
impl<V: ?Sized> IntoKey<V> for &String {}

/// What a service method accepts as a key where the value's type does not matter.
pub trait AsKey {
    /// The key's text, without a prefix.
    fn key_text(&self) -> &str;
}

impl<V: ?Sized> AsKey for Key<V> {
    fn key_text(&self) -> &str {
        self.as_str()
    }
}

impl AsKey for RawKey {
    fn key_text(&self) -> &str {
        self.as_str()
    }
}

impl AsKey for str {
    fn key_text(&self) -> &str {
        self
    }
}

impl AsKey for String {
    fn key_text(&self) -> &str {
        self
    }
}

impl<K: AsKey + ?Sized> AsKey for &K {
    fn key_text(&self) -> &str {
        (**self).key_text()
    }
}

/// Checks a key that will stand behind a prefix (and its colon) of `prefix_len` bytes.
pub(crate) fn check(key: &str, prefix_len: usize) -> Result<(), InvalidKey> {
    if key.is_empty() {
        return Err(InvalidKey::Empty);
    }
    let length = prefix_len + key.len();
    if length > MAX_KEY_LEN {
        return Err(InvalidKey::TooLong { length, limit: MAX_KEY_LEN });
    }
    // Most keys hold no byte that one can begin with.
    let may_begin = |byte: u8| byte < b' ' || byte == 0x7f || byte == 0xc2;
    if key.bytes().fold(false, |any, byte| any | may_begin(byte)) && key.chars().any(char::is_control) {
        return Err(InvalidKey::ControlCharacter);
    }
    Ok(())
}

/// A short hash of a key, for logs: it tells two keys apart and does not tell what they are.
///
/// Seeded anew in each process, so that the keys of small ids cannot be looked up in a table of hashes.
pub(crate) fn short_hash(key: &str) -> u32 {
    use std::hash::BuildHasher;
    use std::sync::OnceLock;
    static SEED: OnceLock<std::hash::RandomState> = OnceLock::new();
    let hash = SEED.get_or_init(std::hash::RandomState::new).hash_one(key);
    (hash >> 32) as u32
}
