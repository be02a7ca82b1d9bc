//! A key that is written when its text is needed: a hit in a thread's mirror needs none.

use super::identity::{Form, Glance, Head, Identified, Identity, Kept, Rest, Words};
use super::part::{KeyPart, assert_escaped};
use super::render::{KeyWriter, RawKey};
use super::template::{Literals, Template};

/// How to write a key, or one that is written.
pub trait UnwrittenKey {
    /// Whose way to write keys it is, where that is not the place's own: one with a single template, and so a single
    /// version.
    #[doc(hidden)]
    fn origin(&self, place: usize) -> usize;
    /// Writes what tells it from all other keys of its origin, and from itself where values are of another version.
    #[doc(hidden)]
    fn write_parts(&self, version: u32, key: &mut KeyWriter<'_>);
    /// Whether these are the words of that.
    #[doc(hidden)]
    #[inline]
    fn are(&self, version: u32, words: &Words) -> bool {
        compare(words, |key| self.write_parts(version, key))
    }
    /// The version of its values, where another template than that of the place declares one.
    #[doc(hidden)]
    fn version(&self) -> u32;
    /// Its text.
    #[doc(hidden)]
    fn write(self, template: &'static Template) -> RawKey;
}

/// A glance at what `write` writes at `origin`.
#[inline]
pub(crate) fn glance(origin: usize, write: impl FnOnce(&mut KeyWriter<'_>)) -> Glance {
    let mut glance = Glance::new(origin);
    write(&mut KeyWriter::of_glance(&mut glance));
    glance.end();
    glance
}

/// The identity of what `write` writes at `origin`.
pub(crate) fn identify(origin: usize, write: impl Fn(&mut KeyWriter<'_>)) -> Identity {
    let mut kept = Kept::default();
    write(&mut KeyWriter::of_words(&mut kept));
    Identity::new(glance(origin, write), kept.words())
}

/// The identity of a key that is a text.
pub(crate) fn identify_text(text: &str, version: u32) -> Identity {
    identify(TEXTS, |key| write_text(text, version, key))
}

/// The origin of keys that are texts: no place in the program is at zero.
const TEXTS: usize = 0;

fn write_text(text: &str, version: u32, key: &mut KeyWriter<'_>) {
    let parts = key.part_writer();
    parts.number(false, version.into());
    parts.raw(text);
}

/// A key that was glanced at, and of which `are` says whether words are its own.
pub(crate) struct Glanced<F> {
    pub(crate) glance: Glance,
    pub(crate) are: F,
}

impl<F: Fn(&Words) -> bool> Identified for Glanced<F> {
    #[inline]
    fn hash(&self) -> u64 {
        self.glance.hash()
    }

    #[inline]
    fn is_of(&self, head: Head, form: Form, rest: &Rest) -> bool {
        self.glance.is_of(head, form, rest, &self.are)
    }
}

/// Parts, of whatever types, and what can be done with them.
pub struct Unwritten<P> {
    parts: P,
    write: fn(&P, &mut Literals, &mut KeyWriter<'_>),
    keep: fn(&P, &mut KeyWriter<'_>),
    are: fn(&P, &Words) -> bool,
}

impl<P> Unwritten<P> {
    /// Pointers, not types of their own, nor a bound on the parts: the type of what a hidden function returns would have to
    /// be checked wherever it is mentioned, and each part of a wrong type reported as often.
    #[inline]
    pub(crate) const fn new(parts: P) -> Self
    where
        P: Parts,
    {
        Self { parts, write: P::write_whole, keep: P::write, are: P::are }
    }
}

/// The parts of a key, one in the other: `(a, (b, ()))`.
pub trait Parts: Sized {
    /// Whether there are any.
    #[doc(hidden)]
    const ARE_SOME: bool;

    /// Writes them, without literals.
    #[doc(hidden)]
    fn write(&self, key: &mut KeyWriter<'_>);

    /// Writes them, each after what the template has before it, and then the rest of it.
    #[doc(hidden)]
    fn write_whole(&self, literals: &mut Literals, key: &mut KeyWriter<'_>);

    /// Whether these are their words.
    #[doc(hidden)]
    #[inline]
    fn are(&self, words: &Words) -> bool {
        compare(words, |key| self.write(key))
    }
}

#[inline]
fn compare(words: &Words, write: impl FnOnce(&mut KeyWriter<'_>)) -> bool {
    let mut key = KeyWriter::comparing(words);
    write(&mut key);
    key.are_same()
}

impl Parts for () {
    const ARE_SOME: bool = false;

    #[inline]
    fn write(&self, _: &mut KeyWriter<'_>) {}

    fn write_whole(&self, literals: &mut Literals, key: &mut KeyWriter<'_>) {
        literals.write_next(key);
    }
}

impl<P: KeyPart, M: Parts> Parts for (P, M) {
    const ARE_SOME: bool = true;

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is known then what for they are written")]
    fn write(&self, key: &mut KeyWriter<'_>) {
        let (part, more) = self;
        key.any_last_part(part);
        more.write(key);
    }

    fn write_whole(&self, literals: &mut Literals, key: &mut KeyWriter<'_>) {
        let (part, more) = self;
        const {
            if M::ARE_SOME {
                assert_escaped::<P>();
            }
        }
        literals.write_next(key);
        key.any_last_part(part);
        more.write_whole(literals, key);
    }
}

/// The key of `parts`.
#[must_use]
pub fn write_parts(template: &'static Template, parts: &impl Parts) -> RawKey {
    RawKey::of(template, |key| parts.write_whole(&mut template.literals(), key))
}

impl<P> UnwrittenKey for Unwritten<P> {
    #[inline]
    fn origin(&self, place: usize) -> usize {
        place
    }

    fn write_parts(&self, _: u32, key: &mut KeyWriter<'_>) {
        (self.keep)(&self.parts, key);
    }

    #[inline]
    fn are(&self, _: u32, words: &Words) -> bool {
        (self.are)(&self.parts, words)
    }

    #[inline]
    fn version(&self) -> u32 {
        0
    }

    fn write(self, template: &'static Template) -> RawKey {
        RawKey::of(template, |key| (self.write)(&self.parts, &mut template.literals(), key))
    }
}

/// What a macro expands to: writes the same literals each time, round one list of parts.
impl<F: Fn(&mut KeyWriter<'_>)> UnwrittenKey for F {
    #[inline]
    fn origin(&self, place: usize) -> usize {
        place
    }

    #[inline]
    fn write_parts(&self, _: u32, key: &mut KeyWriter<'_>) {
        self(key);
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
    fn origin(&self, _: usize) -> usize {
        TEXTS
    }

    fn write_parts(&self, version: u32, key: &mut KeyWriter<'_>) {
        write_text(self.as_str(), version, key);
    }

    fn version(&self) -> u32 {
        self.template().declared_version()
    }

    fn write(self, _: &'static Template) -> RawKey {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::{Glanced, Identified, Identity, KeyWriter, Words, compare, glance, identify};
    use crate::key::part::PartWriter;

    /// A key, as it is kept and as a hit has it.
    struct Sample<'a>(Identity, Glanced<Are<'a>>);

    type Are<'a> = Box<dyn Fn(&Words) -> bool + 'a>;

    fn of<'a>(write: impl Fn(&mut PartWriter<'_>) + 'a) -> Sample<'a> {
        at(1, write)
    }

    fn at<'a>(origin: usize, write: impl Fn(&mut PartWriter<'_>) + 'a) -> Sample<'a> {
        let write = move |key: &mut KeyWriter<'_>| write(key.part_writer());
        let (identity, glance) = (identify(origin, &write), glance(origin, &write));
        Sample(identity, Glanced { glance, are: Box::new(move |words| compare(words, &write)) })
    }

    fn same(Sample(kept, glanced): &Sample<'_>, Sample(other, _): &Sample<'_>) -> bool {
        let Some((head, form, rest)) = other.parts() else { return false };
        let is_it = kept.is_of(head, form, &rest);
        assert_eq!((is_it, kept.hash()), (glanced.is_of(head, form, &rest), glanced.hash()));
        is_it
    }

    #[test]
    fn two_texts_have_one_identity_only_if_they_are_one() {
        let texts: Vec<String> = (0..=48)
            .flat_map(|length| {
                let text = "x".repeat(length);
                // Each byte another, one after the other.
                let others = (0..length).map(move |at| {
                    let mut other = "x".repeat(length);
                    other.replace_range(at..=at, "y");
                    other
                });
                std::iter::once(text).chain(others)
            })
            .collect();
        let identities: Vec<_> = texts.iter().map(|text| of(|key| key.text(text))).collect();
        for (text, identity) in texts.iter().zip(&identities) {
            for (other, its) in texts.iter().zip(&identities) {
                assert_eq!(same(identity, its), text == other, "{text:?} {other:?}");
            }
        }
    }

    #[test]
    fn texts_that_follow_each_other_lie_apart() {
        // Of a word, of more, and of a word that begins with some of the one before it.
        for before in ["id-0", "a-longer-text-00", "user-00"] {
            let places =
                (0..1_000).map(|id| of(|key| key.text(&format!("{before}{id:04}"))).0.hash() % 2_048);
            let places: std::collections::HashSet<u64> = places.collect();
            // By chance it would be 791; by the lower half alone it was 20.
            assert!(places.len() > 400, "{before}: {}", places.len());
        }
    }

    #[test]
    fn a_part_is_told_from_another_of_the_same_bytes() {
        let seven = u64::from_le_bytes(*b"7\0\0\0\0\0\0\0");
        let all = [
            of(|_| {}),
            of(|key| key.number(false, seven)),
            of(|key| key.number(true, seven)),
            of(|key| key.wide(seven.into(), false, |_| ())),
            of(|key| key.wide(seven.into(), true, |_| ())),
            of(|key| key.raw("7")),
            of(|key| key.text("7")),
            of(|key| key.text("7\0")),
            of(|key| key.text("")),
            of(|key| {
                key.text("");
                key.number(false, seven);
            }),
            of(|key| {
                key.number(false, seven);
                key.text("");
            }),
            // "a" and nothing, nothing and "a", one part of both.
            of(|key| {
                key.begin();
                key.text("a");
                key.begin();
            }),
            of(|key| {
                key.begin();
                key.begin();
                key.text("a");
            }),
            of(|key| {
                key.begin();
                key.text("a");
                key.text("a");
            }),
            of(|key| {
                key.begin();
                key.text("a");
                key.begin();
                key.text("a");
            }),
            at(2, |_| {}),
        ];
        for (index, one) in all.iter().enumerate() {
            for (at, other) in all.iter().enumerate() {
                assert_eq!(same(one, other), index == at, "{index} {at}");
            }
        }
    }

    #[test]
    fn what_is_too_long_has_no_identity() {
        let text = "x".repeat(49);
        let long = [
            of(|key| key.text(&text)),
            of(|key| (0..7).for_each(|number| key.number(false, number))),
            of(|key| (0..9).for_each(|_| key.text(""))),
            of(|key| {
                key.text(&text);
                key.number(false, 7);
            }),
        ];
        for identity in long {
            assert!(identity.0.parts().is_none());
        }
        assert!(of(|key| (0..6).for_each(|number| key.number(false, number))).0.parts().is_some());
    }
}
