//! Renders a key.

use std::fmt;

use super::Template;
use super::identity::{Glance, Kept, Words};
use super::part::{KeyPart, PartOf, PartWriter, assert_escaped};
use super::text::Text;

/// A rendered key, without the type of its value.
#[derive(Clone)]
pub struct RawKey {
    text: Text,
    template: &'static Template,
}

impl RawKey {
    /// Renders a key of `template`.
    #[must_use]
    pub fn of(template: &'static Template, write: impl FnOnce(&mut KeyWriter<'_>)) -> Self {
        let mut text = Text::new();
        write(&mut KeyWriter(PartWriter::of_text(&mut text)));
        Self { text, template }
    }

    /// A key that was given as a text.
    pub(crate) fn from_text(text: &str) -> Self {
        Self::from_text_of(Template::UNTYPED, text)
    }

    pub(super) fn from_text_of(template: &'static Template, text: &str) -> Self {
        Self::of(template, |key| key.0.raw(text))
    }

    /// The key's text, without a prefix.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    /// The bytes of the text.
    #[inline]
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.as_str().as_bytes()
    }

    pub(crate) const fn template(&self) -> &'static Template {
        self.template
    }

    /// Says which type of value lives there.
    #[must_use]
    pub fn typed<V: ?Sized>(self) -> super::Key<V> {
        super::Key::new(self)
    }
}

impl fmt::Debug for RawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} #{:08x}", self.template.text(), super::short_hash(self.as_str()))
    }
}

/// Writes a key, literal by literal and part by part.
#[derive(Debug)]
pub struct KeyWriter<'a>(PartWriter<'a>);

impl<'a> KeyWriter<'a> {
    #[inline]
    pub(super) const fn of_glance(glance: &'a mut Glance) -> Self {
        Self(PartWriter::of_glance(glance))
    }

    pub(super) const fn of_words(words: &'a mut Kept) -> Self {
        Self(PartWriter::of_words(words))
    }

    #[inline]
    pub(super) const fn comparing(words: &'a Words) -> Self {
        Self(PartWriter::comparing(words))
    }

    /// Whether all that was written are the words with which it was to be compared.
    #[inline]
    pub(super) const fn are_same(&self) -> bool {
        self.0.are_same()
    }

    #[inline]
    pub(super) const fn part_writer(&mut self) -> &mut PartWriter<'a> {
        &mut self.0
    }

    /// Adds literal text of the template.
    #[inline]
    pub fn literal(&mut self, text: &'static str) {
        self.0.literal(text);
    }

    /// Adds the part that fills a placeholder of type `T`, with more behind it.
    #[inline]
    pub fn part<T: ?Sized>(&mut self, part: &impl PartOf<T>) {
        self.any_part(part);
    }

    /// Adds a part of whatever type, with more behind it. It does not build of a [`RawPart`](super::RawPart).
    #[inline]
    pub fn any_part<P: KeyPart>(&mut self, part: &P) {
        const { assert_escaped::<P>() }
        self.any_last_part(part);
    }

    /// Adds the last part, which fills a placeholder of type `T`.
    #[inline]
    pub fn last_part<T: ?Sized>(&mut self, part: &impl PartOf<T>) {
        self.any_last_part(part);
    }

    /// Adds the last part, of whatever type.
    #[inline]
    pub fn any_last_part(&mut self, part: &impl KeyPart) {
        self.0.begin();
        part.write(&mut self.0);
    }
}
