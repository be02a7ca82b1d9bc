//! A key that is written when its text is needed: a hit in a thread's mirror needs none.

use super::identity::Identity;
use super::render::{KeyWriter, RawKey};
use super::template::Template;

/// How to write a key, or one that is written.
pub trait UnwrittenKey {
    /// What tells it from all other keys, and from itself where values are of another version. `origin` is the place
    /// where it is written: one with a single template, and so a single version.
    #[doc(hidden)]
    fn identity(&self, origin: usize, version: u32) -> Identity;
    /// The version of its values, where another template than that of the place declares one.
    #[doc(hidden)]
    fn version(&self) -> u32;
    /// Its text.
    #[doc(hidden)]
    fn write(self, template: &'static Template) -> RawKey;
}

/// The identity of what `write` writes at `origin`.
#[inline]
pub(crate) fn identify(origin: usize, write: impl FnOnce(&mut KeyWriter<'_>)) -> Identity {
    let mut identity = Identity::new(origin);
    write(&mut KeyWriter::of_identity(&mut identity));
    identity.end();
    identity
}

/// Parts, of whatever types, and how the key of a method is written with them.
pub struct Unwritten<P> {
    parts: P,
    write: fn(&P, &mut KeyWriter<'_>),
}

impl<P> Unwritten<P> {
    /// `write` writes the same literals each time.
    ///
    /// A pointer, not a type of its own: the type of what a hidden function returns would have to be checked wherever it
    /// is mentioned, and each part of a wrong type reported as often.
    #[inline]
    pub(crate) const fn new(parts: P, write: fn(&P, &mut KeyWriter<'_>)) -> Self {
        Self { parts, write }
    }
}

impl<P> UnwrittenKey for Unwritten<P> {
    #[inline]
    fn identity(&self, origin: usize, _: u32) -> Identity {
        identify(origin, |key| (self.write)(&self.parts, key))
    }

    #[inline]
    fn version(&self) -> u32 {
        0
    }

    fn write(self, template: &'static Template) -> RawKey {
        RawKey::of(template, |key| (self.write)(&self.parts, key))
    }
}

/// What a macro expands to: writes the same literals each time, round one list of parts.
impl<F: Fn(&mut KeyWriter<'_>)> UnwrittenKey for F {
    #[inline]
    fn identity(&self, origin: usize, _: u32) -> Identity {
        identify(origin, self)
    }

    #[inline]
    fn version(&self) -> u32 {
        0
    }

    fn write(self, template: &'static Template) -> RawKey {
        RawKey::of(template, self)
    }
}

impl UnwrittenKey for RawKey {
    fn identity(&self, _: usize, version: u32) -> Identity {
        Identity::of_text(self.as_str(), version)
    }

    fn version(&self) -> u32 {
        self.template().declared_version()
    }

    fn write(self, _: &'static Template) -> RawKey {
        self
    }
}
