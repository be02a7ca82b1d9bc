//! What may stand in a placeholder, and how it is written there so that no two lists of parts look alike.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use super::Template;
use super::identity::{Compared, Glance, Kept as KeptWords, Words};
use super::render::RawKey;
use super::text::Text;

/// A value that can stand in a placeholder of a key template.
///
/// Implemented for integers, `bool`, `char`, texts, `Uuid` (feature `uuid`) and references to them.
/// `#[derive(KeyPart)]` implements it for newtypes of these and for field-less enums. Not for floats, whose
/// equality is not that of their text, nor for `Option`, of which only you know how "none" is to look.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a part of a cache key",
    label = "not a key part",
    note = "integers, `bool`, `char`, texts and `Uuid` (feature `uuid`) can; for a newtype of one, or a field-less enum, `#[derive(KeyPart)]`",
    note = "a float, a struct or an `Option` has no one true text: put one of its fields into the key, or a newtype that says how it is written"
)]
pub trait KeyPart {
    /// What the part is: two types of one kind can stand for each other, as `&str` for `String`.
    type Kind: ?Sized;

    /// The most bytes that it can take in a key, where that is bounded.
    const MAX_LEN: Option<usize>;

    /// Whether it is written unescaped.
    #[doc(hidden)]
    const IS_RAW: bool = false;

    /// Writes the part; the writer escapes it.
    fn write(&self, out: &mut PartWriter<'_>);
}

/// Stands where the template's author put a `T`: a [`KeyPart`] of the same kind.
#[diagnostic::on_unimplemented(
    message = "this key part is a `{T}`, but a `{Self}` is put there",
    label = "another kind of key part than in the `#[cached]` method"
)]
pub trait PartOf<T: ?Sized>: KeyPart {}

impl<T, U> PartOf<T> for U
where
    T: KeyPart + ?Sized,
    U: KeyPart<Kind: SameKind<T::Kind>> + ?Sized,
{
}

/// The same kind.
#[diagnostic::on_unimplemented(
    message = "this key part is a `{K}`, but a `{Self}` is put there",
    label = "another kind of key part than in the `#[cached]` method",
    note = "the key would not be the one that was cached, and nothing would be invalidated"
)]
pub trait SameKind<K: ?Sized> {}

impl<K: ?Sized> SameKind<K> for K {}

/// A reference to what is put into a key. A type of its own, because for a reference the compiler would speak of
/// [`PartOf`], and for this it speaks of the bound that the type inside does not meet.
#[derive(Debug)]
pub struct PartRef<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: KeyPart + ?Sized> KeyPart for PartRef<'_, T> {
    type Kind = T::Kind;
    const MAX_LEN: Option<usize> = T::MAX_LEN;
    const IS_RAW: bool = T::IS_RAW;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `PartWriter::text`")]
    fn write(&self, out: &mut PartWriter<'_>) {
        self.0.write(out);
    }
}

/// Takes one part and writes it, escaped, into a key.
pub struct PartWriter<'a>(Target<'a>);

/// Where a key is written to.
enum Target<'a> {
    Text(&'a mut Text),
    /// Only to be told from others.
    Glance(&'a mut Glance),
    Words(&'a mut KeptWords),
    Compared(Compared<'a>),
}

impl<'a> PartWriter<'a> {
    pub(super) const fn of_text(text: &'a mut Text) -> Self {
        Self(Target::Text(text))
    }

    #[inline]
    pub(super) const fn of_glance(glance: &'a mut Glance) -> Self {
        Self(Target::Glance(glance))
    }

    pub(super) const fn of_words(words: &'a mut KeptWords) -> Self {
        Self(Target::Words(words))
    }

    #[inline]
    pub(super) const fn comparing(words: &'a Words) -> Self {
        Self(Target::Compared(Compared::with(words)))
    }

    /// Whether all that was written are the words with which it was to be compared.
    #[inline]
    pub(super) const fn are_same(&self) -> bool {
        matches!(&self.0, Target::Compared(compared) if compared.are_same())
    }

    /// Writes `text`, with the separators `:` `/` `|` `#`, the glob characters `*` `?` `[` `]` `\`, `%`, white
    /// space and control characters percent-encoded.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a hit knows what it writes to, so that most of this goes")]
    pub fn text(&mut self, text: &str) {
        match &mut self.0 {
            Target::Text(key) => push_escaped(key, text),
            Target::Glance(key) => key.text(text, false),
            Target::Words(key) => key.text(text),
            Target::Compared(key) => key.text(text),
        }
    }

    /// Writes an integer in decimal.
    pub fn integer(&mut self, value: impl itoa::Integer) {
        self.raw(itoa::Buffer::new().format(value));
    }

    #[inline]
    pub(super) fn number(&mut self, is_negative: bool, magnitude: u64) {
        match &mut self.0 {
            Target::Text(key) => push_number(key, is_negative, magnitude),
            Target::Glance(key) => key.number(is_negative, magnitude),
            Target::Words(key) => key.word(magnitude),
            Target::Compared(key) => key.word(magnitude),
        }
    }

    #[inline]
    pub(super) fn wide(&mut self, bits: u128, is_uuid: bool, push: impl FnOnce(&mut Text)) {
        match &mut self.0 {
            Target::Text(key) => push(key),
            Target::Glance(key) => key.wide(bits, is_uuid),
            Target::Words(key) => key.wide(bits),
            Target::Compared(key) => key.wide(bits),
        }
    }

    #[inline]
    pub(super) fn raw(&mut self, text: &str) {
        match &mut self.0 {
            Target::Text(key) => key.push(text),
            Target::Glance(key) => key.text(text, true),
            Target::Words(key) => key.text(text),
            Target::Compared(key) => key.text(text),
        }
    }

    #[inline]
    pub(super) fn begin(&mut self) {
        if let Target::Glance(key) = &mut self.0 {
            key.begin();
        }
    }

    /// A literal is the same whenever the key is written, so it tells no key from another.
    #[inline]
    pub(super) fn literal(&mut self, text: &'static str) {
        if let Target::Text(key) = &mut self.0
            && !text.is_empty()
        {
            key.push(text);
        }
    }
}

impl fmt::Debug for PartWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PartWriter").finish_non_exhaustive()
    }
}

// What writes text is not inlined, so that what tells keys apart is.

#[inline(never)]
fn push_number(key: &mut Text, is_negative: bool, magnitude: u64) {
    if is_negative {
        key.push("-");
    }
    key.push(itoa::Buffer::new().format(magnitude));
}

#[inline(never)]
fn push_escaped(key: &mut Text, text: &str) {
    if text.bytes().all(|byte| PLAIN[usize::from(byte)]) {
        return key.push(text);
    }
    let mut rest = text;
    while let Some(at) = rest.find(is_escaped) {
        let (plain, tail) = rest.split_at(at);
        key.push(plain);
        let mut chars = tail.chars();
        if let Some(escaped) = chars.next() {
            for byte in escaped.encode_utf8(&mut [0; 4]).bytes() {
                let digit = |nibble: u8| char::from(b"0123456789ABCDEF"[usize::from(nibble)]);
                let mut buffer = [0; 3];
                for (slot, char) in buffer.iter_mut().zip(['%', digit(byte >> 4), digit(byte & 15)]) {
                    *slot = char as u8;
                }
                key.push(std::str::from_utf8(&buffer).unwrap_or("%"));
            }
        }
        rest = chars.as_str();
    }
    key.push(rest);
}

/// The ASCII characters that are written as they are. What is beyond may be white space.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        plain[byte as usize] =
            !matches!(byte, b'%' | b':' | b'/' | b'|' | b'#' | b'*' | b'?' | b'[' | b']' | b'\\');
        byte += 1;
    }
    plain
};

fn is_escaped(char: char) -> bool {
    char == '%' || is_separator_or_glob(char) || char.is_whitespace() || char.is_control()
}

/// What ends a part.
pub(super) const SEPARATORS: [char; 4] = [':', '/', '|', '#'];

/// What a part never holds unescaped: the separators, and what a glob pattern gives a meaning.
pub(crate) fn is_separator_or_glob(char: char) -> bool {
    SEPARATORS.contains(&char) || matches!(char, '*' | '?' | '[' | ']' | '\\')
}

/// A text that is written into the key as it is. Only the last placeholder of a template may hold one.
///
/// Whoever writes it sees to it that no two texts mean the same thing.
///
/// ```
/// use cache_runtime::{RawPart, cache_key};
///
/// #[cache_key("file:<owner>:<path>", ttl = 60)]
/// pub fn file_key(owner: u64, path: RawPart<&str>) -> Vec<u8>;
///
/// assert_eq!(file_key(7, RawPart("a/b")).as_str(), "file:7:a/b");
/// ```
///
/// Where the attribute does not see that it is one, as under another name, in a field or as a generic, the build fails
/// when the key is used (`cargo check` does not tell):
///
/// ```compile_fail,E0080
/// use cache_runtime::{RawPart, cache_key};
///
/// type Path<'a> = RawPart<&'a str>;
///
/// #[cache_key("file:<path>:<owner>", ttl = 60)]
/// pub fn file_key(path: Path<'_>, owner: u64) -> Vec<u8>;
///
/// let _ = file_key(RawPart("a/b"), 7);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RawPart<T>(pub T);

/// Fails the build where the part is raw.
pub(super) const fn assert_escaped<P: KeyPart>() {
    assert!(
        !P::IS_RAW,
        "a `RawPart` is written unescaped, so it may stand only in the last placeholder of a key template"
    );
}

impl<T: AsRef<str>> KeyPart for RawPart<T> {
    type Kind = RawPart<String>;
    const MAX_LEN: Option<usize> = None;
    const IS_RAW: bool = true;

    fn write(&self, out: &mut PartWriter<'_>) {
        out.raw(self.0.as_ref());
    }
}

/// A part, written down: it stands for the value that it was made of, and owns what it needs.
#[derive(Debug)]
pub(crate) struct Kept<K: ?Sized> {
    escaped: String,
    kind: PhantomData<fn(&K)>,
}

impl<K: ?Sized> Kept<K> {
    pub(crate) fn new<T: KeyPart<Kind = K> + ?Sized>(part: &T) -> Self {
        Self { escaped: escaped(part), kind: PhantomData }
    }
}

/// A part as it stands in a key.
pub(crate) fn escaped<T: KeyPart + ?Sized>(part: &T) -> String {
    RawKey::of(Template::UNTYPED, |key| key.any_last_part(&part)).as_str().to_owned()
}

impl<K: ?Sized> KeyPart for Kept<K> {
    type Kind = K;
    const MAX_LEN: Option<usize> = None;

    fn write(&self, out: &mut PartWriter<'_>) {
        out.raw(&self.escaped);
    }
}

macro_rules! integers {
    ($($type:ty: $digits:literal, |$value:ident, $out:ident| $write:expr;)*) => {$(
        impl KeyPart for $type {
            type Kind = $type;
            const MAX_LEN: Option<usize> = Some($digits);

            #[inline]
            fn write(&self, $out: &mut PartWriter<'_>) {
                let $value = *self;
                $write;
            }
        }
    )*};
}

integers! {
    u8: 3, |value, out| out.number(false, value.into());
    u16: 5, |value, out| out.number(false, value.into());
    u32: 10, |value, out| out.number(false, value.into());
    u64: 20, |value, out| out.number(false, value);
    u128: 39, |value, out| out.wide(value, false, |out| out.push(itoa::Buffer::new().format(value)));
    usize: 20, |value, out| out.number(false, value as u64);
    i8: 4, |value, out| out.number(value < 0, value.unsigned_abs().into());
    i16: 6, |value, out| out.number(value < 0, value.unsigned_abs().into());
    i32: 11, |value, out| out.number(value < 0, value.unsigned_abs().into());
    i64: 20, |value, out| out.number(value < 0, value.unsigned_abs());
    i128: 40, |value, out| out.integer(value);
    isize: 20, |value, out| out.number(value < 0, value.unsigned_abs() as u64);
}

impl KeyPart for bool {
    type Kind = bool;
    const MAX_LEN: Option<usize> = Some(5);

    fn write(&self, out: &mut PartWriter<'_>) {
        out.raw(if *self { "true" } else { "false" });
    }
}

impl KeyPart for char {
    type Kind = char;
    // Four bytes of UTF-8, each percent-encoded.
    const MAX_LEN: Option<usize> = Some(12);

    fn write(&self, out: &mut PartWriter<'_>) {
        out.text(self.encode_utf8(&mut [0; 4]));
    }
}

macro_rules! texts {
    ($([$($generics:tt)*] $type:ty),* $(,)?) => {$(
        impl<$($generics)*> KeyPart for $type {
            type Kind = str;
            const MAX_LEN: Option<usize> = None;

            // See `PartWriter::text`.
            #[inline(always)]
            fn write(&self, out: &mut PartWriter<'_>) {
                out.text(self);
            }
        }
    )*};
}

texts! { [] str, [] String, ['a] Cow<'a, str>, [] Box<str>, [] Arc<str> }

#[cfg(feature = "uuid")]
impl KeyPart for uuid::Uuid {
    type Kind = uuid::Uuid;
    const MAX_LEN: Option<usize> = Some(36);

    fn write(&self, out: &mut PartWriter<'_>) {
        out.wide(self.as_u128(), true, |out| out.push(self.as_hyphenated().encode_lower(&mut [0; 36])));
    }
}

impl<T: KeyPart + ?Sized> KeyPart for &T {
    type Kind = T::Kind;
    const MAX_LEN: Option<usize> = T::MAX_LEN;
    const IS_RAW: bool = T::IS_RAW;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "see `PartWriter::text`")]
    fn write(&self, out: &mut PartWriter<'_>) {
        (**self).write(out);
    }
}
