//! Renders a key on the stack, and on the heap only when it is long.

use std::fmt;

use super::Template;
use super::part::{KeyPart, PartOf, PartWriter};

/// The longest key that is held without allocating, in bytes.
const INLINE: usize = 62;

#[derive(Clone)]
enum Text {
    Inline { length: u8, bytes: [u8; INLINE] },
    Heap(Vec<u8>),
}

impl Text {
    const EMPTY: Self = Self::Inline { length: 0, bytes: [0; INLINE] };

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Self::Heap(bytes) => bytes,
        }
    }

    #[inline]
    fn push(&mut self, more: &[u8]) {
        if let Self::Inline { length, bytes } = self {
            let start = usize::from(*length);
            if let Some(room) = bytes.get_mut(start..start + more.len()) {
                room.copy_from_slice(more);
                // At most `INLINE`.
                *length = u8::try_from(start + more.len()).unwrap_or(u8::MAX);
                return;
            }
        }
        self.push_long(more);
    }

    #[cold]
    #[inline(never)]
    fn push_long(&mut self, more: &[u8]) {
        match self {
            Self::Inline { .. } => *self = Self::Heap([self.as_bytes(), more].concat()),
            Self::Heap(bytes) => bytes.extend_from_slice(more),
        }
    }

    /// Writes a number in decimal. Eight digits at a time are made in a register and stored at once: a byte that was
    /// just written is slow to read back together with its neighbours.
    #[inline]
    fn push_decimal(&mut self, number: u64) {
        if let Self::Inline { length, bytes } = self
            && number < 100_000_000
        {
            let start = usize::from(*length);
            if let Some(room) = bytes.get_mut(start..start + 8) {
                let (text, digits) = eight_digits(number);
                room.copy_from_slice(&text);
                *length += digits;
                return;
            }
        }
        self.push_long_decimal(number);
    }

    #[inline(never)]
    fn push_long_decimal(&mut self, number: u64) {
        self.push(itoa::Buffer::new().format(number).as_bytes());
    }
}

/// The decimal text of a number below 100,000,000, followed by zero bytes, and its length. By pairs of halves in one
/// word: Paul Khuong, "How to print integers really fast" (2017).
#[inline]
fn eight_digits(number: u64) -> ([u8; 8], u8) {
    // Two lanes of four digits, four of two, eight of one, the first digit lowest.
    let (high, low) = (number / 10_000, number % 10_000);
    let fours = high | (low << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x7f_0000_007f;
    let twos = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((twos * 103) >> 10) & 0x000f_000f_000f_000f;
    let ones = tens | ((twos - 10 * tens) << 8);
    // A zero still has one digit.
    let leading = (ones.trailing_zeros() / 8).min(7);
    let text = (ones | 0x3030_3030_3030_3030) >> (8 * leading);
    (text.to_le_bytes(), 8 - leading as u8)
}

/// A rendered key, without the type of its value. Written literal by literal and part by part.
#[derive(Clone)]
pub struct RawKey {
    text: Text,
    template: &'static Template,
    /// Of the template and the parts: equal for keys that were written alike, and most likely not for others.
    fingerprint: u64,
}

impl RawKey {
    /// An empty key of `template`.
    #[inline]
    #[must_use]
    pub fn new(template: &'static Template) -> Self {
        Self { text: Text::EMPTY, template, fingerprint: std::ptr::from_ref(template).addr() as u64 }
    }

    /// A key that was given as a text.
    pub(crate) fn from_text(text: &str) -> Self {
        Self::from_text_of(Template::UNTYPED, text)
    }

    pub(super) fn from_text_of(template: &'static Template, text: &str) -> Self {
        let mut key = Self::new(template);
        key.push(text);
        key
    }

    /// Adds literal text of the template.
    #[inline]
    pub fn literal(&mut self, text: &'static str) {
        self.text.push(text.as_bytes());
    }

    /// Adds the part that fills a placeholder of type `T`, escaped.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "it is a reference, in a type of its own")]
    pub fn part<T: ?Sized>(&mut self, part: impl PartOf<T>) {
        part.write_part(&mut PartWriter(self));
    }

    /// Adds a part of whatever type, escaped.
    #[inline]
    pub fn any_part(&mut self, part: impl KeyPart) {
        part.write(&mut PartWriter(self));
    }

    /// The key's text, without a prefix.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Made of whole texts only.
        std::str::from_utf8(self.text.as_bytes()).unwrap_or_default()
    }

    /// The bytes of the text.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// See the field.
    #[inline]
    pub(crate) const fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    pub(crate) const fn template(&self) -> &'static Template {
        self.template
    }

    /// Says which type of value lives there.
    #[must_use]
    pub fn typed<V: ?Sized>(self) -> super::Key<V> {
        super::Key::new(self)
    }

    pub(super) fn push(&mut self, text: &str) {
        self.push_plain(text);
        self.mix(text.len() as u64);
    }

    /// Adds text that needs no escape.
    #[inline]
    pub(super) fn push_plain(&mut self, text: &str) {
        for chunk in text.as_bytes().chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.mix(u64::from_le_bytes(word));
        }
        self.text.push(text.as_bytes());
    }

    #[inline]
    pub(super) fn push_decimal(&mut self, number: u64) {
        self.mix(number);
        self.text.push_decimal(number);
    }

    #[inline]
    const fn mix(&mut self, word: u64) {
        // As in FxHash, 2.0: multiply, and let what is high come down.
        self.fingerprint = (self.fingerprint ^ word).wrapping_mul(0xf135_7aea_2e62_a9c5).rotate_left(26);
    }
}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} #{:08x}", self.template.text(), super::short_hash(self.as_str()))
    }
}
