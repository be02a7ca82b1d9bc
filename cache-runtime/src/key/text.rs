//! The text of a key: on the stack, and on the heap only when it is long.

use std::fmt;
use std::ops::Deref;

use arrayvec::ArrayString;

/// The longest text that is held without allocating, in bytes.
const INLINE: usize = 62;

#[derive(Clone)]
pub(super) enum Text {
    Inline(ArrayString<INLINE>),
    Heap(String),
}

impl Text {
    #[inline]
    pub(super) fn new() -> Self {
        Self::Inline(ArrayString::new())
    }

    #[inline]
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Inline(text) => text,
            Self::Heap(text) => text,
        }
    }

    #[inline(never)]
    pub(super) fn push(&mut self, more: &str) {
        if let Self::Inline(text) = self
            && text.try_push_str(more).is_ok()
        {
            return;
        }
        self.push_long(more);
    }

    #[cold]
    fn push_long(&mut self, more: &str) {
        match self {
            Self::Inline(text) => *self = Self::Heap([text.as_str(), more].concat()),
            Self::Heap(text) => text.push_str(more),
        }
    }
}

/// A key with its prefix.
#[derive(Clone)]
pub(crate) struct FullKey(Text);

impl FullKey {
    /// Of texts, one after the other.
    pub(super) fn of(texts: [&str; 2]) -> Self {
        let mut text = Text::new();
        for more in texts {
            text.push(more);
        }
        Self(text)
    }
}

impl Default for FullKey {
    /// That of nothing.
    fn default() -> Self {
        Self(Text::new())
    }
}

impl Deref for FullKey {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.0.as_str()
    }
}

impl From<FullKey> for String {
    fn from(key: FullKey) -> Self {
        (*key).to_owned()
    }
}

impl fmt::Debug for FullKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:08x}", super::short_hash(self))
    }
}
