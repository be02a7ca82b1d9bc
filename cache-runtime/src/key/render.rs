//! Renders a key on the stack, and on the heap only when it is long.

use std::fmt;

use arrayvec::ArrayString;

use super::Template;
use super::part::{KeyPart, PartOf, PartWriter};

/// The longest key that is held without allocating, in bytes.
const INLINE: usize = 62;

#[derive(Clone)]
enum Text {
    Inline(ArrayString<INLINE>),
    Heap(String),
}

impl Text {
    #[inline]
    fn as_str(&self) -> &str {
        match self {
            Self::Inline(text) => text,
            Self::Heap(text) => text,
        }
    }
}

/// A rendered key, without the type of its value.
#[derive(Clone)]
pub struct RawKey {
    text: Text,
    template: &'static Template,
}

impl RawKey {
    /// A key that was given as a text.
    pub(crate) fn from_text(text: &str) -> Self {
        let mut render = Render::new(Template::UNTYPED);
        render.push(text);
        render.finish()
    }

    /// The key's text, without a prefix.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.text.as_str()
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
pub struct Render {
    text: Text,
    template: &'static Template,
}

impl Render {
    /// An empty key of `template`.
    #[inline]
    #[must_use]
    pub const fn new(template: &'static Template) -> Self {
        Self { text: Text::Inline(ArrayString::new_const()), template }
    }

    /// Adds literal text of the template.
    #[inline]
    #[must_use]
    pub fn literal(mut self, text: &'static str) -> Self {
        self.push(text);
        self
    }

    /// Adds the part that fills a placeholder of type `T`, escaped.
    #[inline]
    #[must_use]
    #[expect(clippy::needless_pass_by_value, reason = "as any other builder")]
    pub fn part<T: ?Sized>(mut self, part: impl PartOf<T>) -> Self {
        part.write_part(&mut PartWriter(&mut self));
        self
    }

    /// Adds a part of whatever type, escaped.
    #[inline]
    #[must_use]
    pub fn any_part(mut self, part: impl KeyPart) -> Self {
        part.write(&mut PartWriter(&mut self));
        self
    }

    /// The finished key.
    #[inline]
    #[must_use]
    pub fn finish(self) -> RawKey {
        RawKey { text: self.text, template: self.template }
    }

    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        match &mut self.text {
            Text::Inline(buffer) => {
                if buffer.try_push_str(text).is_err() {
                    let spilled = [buffer.as_str(), text].concat();
                    self.text = Text::Heap(spilled);
                }
            }
            Text::Heap(buffer) => buffer.push_str(text),
        }
    }
}

impl fmt::Debug for Render {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Render").field("template", &self.template.text()).finish_non_exhaustive()
    }
}
