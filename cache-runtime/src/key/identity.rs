//! What tells a key from all others without its text: who writes it, and its parts as they are.
//!
//! Two keys of one identity have one text: whoever writes a key writes the same literals round its parts each time,
//! and what is written of a part follows from what is kept of it here, all of it. A part of an author's own may write
//! several pieces, or none: where each begins is kept too.

/// How many words of parts are kept.
const WORDS: u8 = 7;

/// The length of what has more words.
const TOO_LONG: u8 = WORDS + 1;

/// Who writes a key, and its first word: with its form all there is to a key of one number or one short text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    origin: usize,
    word: u64,
}

/// How a key is made. Apart from its head, for whoever keeps both: it fills a gap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Form {
    /// How many words there are; more than are kept where the key is too long to have an identity.
    length: u8,
    /// The kind of the piece where there is a single one, else 0.
    kind: u8,
}

/// What else there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    /// A byte a piece, the last one lowest: of which kind it is, how long, and whether it begins a part.
    kinds: u64,
    words: [u64; WORDS as usize - 1],
}

/// The kinds of piece that are not texts.
const NOTHING: u8 = 1;
const NUMBER: u8 = 2;
const NEGATIVE: u8 = 3;
const WIDE: u8 = 4;
const UUID: u8 = 5;
/// Those above are texts by their length: first the escaped, then the raw.
const TEXT: u8 = 6;
/// The bit of the first piece of a part.
const FIRST: u8 = 0x80;

const _: () = assert!(TEXT + 2 * 8 * WORDS + 1 < FIRST);

/// An odd number without a pattern.
const FACTOR: u64 = 0xf135_7aea_2e62_a9c5;

/// A key's identity, written part by part.
#[derive(Clone, Copy)]
pub struct Identity {
    head: Head,
    form: Form,
    rest: Rest,
    hash: u64,
    /// `FIRST` until the part that has begun has a piece.
    begun: u8,
}

impl Identity {
    /// Of a key without parts that is written at `origin`, a place in the program with but one way to write keys.
    #[inline]
    pub(crate) const fn new(origin: usize) -> Self {
        Self {
            head: Head { origin, word: 0 },
            form: Form { length: 0, kind: 0 },
            rest: Rest { kinds: 0, words: [0; WORDS as usize - 1] },
            hash: origin as u64,
            begun: 0,
        }
    }

    /// Of a key that is a text. No place in the program is at zero.
    pub(crate) fn of_text(text: &str, version: u32) -> Self {
        let mut identity = Self::new(0);
        identity.number(false, version.into());
        identity.text(text, true);
        identity
    }

    /// What tells it from others, if the key is not too long for that.
    #[inline]
    pub(crate) fn parts(&self) -> Option<(Head, Form, Rest)> {
        (self.form.length < TOO_LONG).then_some((self.head, self.form, self.rest))
    }

    /// Whether it is that of the key whose parts these are.
    #[inline]
    pub(crate) fn is_of(&self, head: Head, form: Form, rest: &Rest) -> bool {
        if self.head != head || self.form != form {
            return false;
        }
        if self.form.kind != 0 && self.form.length <= 1 {
            return true;
        }
        // By words, as they were written: a wider read would wait for them.
        let more = usize::from(self.form.length).saturating_sub(1);
        let mut words = self.rest.words.iter().zip(&rest.words).take(more);
        self.rest.kinds == rest.kinds && words.all(|(own, other)| own == other)
    }

    /// Equal for equal keys, and most likely not for others.
    #[inline]
    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    /// Begins a part.
    #[inline]
    pub(super) fn begin(&mut self) {
        self.end();
        self.begun = FIRST;
    }

    /// Ends the last part.
    #[inline]
    pub(super) fn end(&mut self) {
        if self.begun != 0 {
            self.kind(NOTHING);
        }
    }

    #[inline]
    fn kind(&mut self, kind: u8) {
        let kind = kind | std::mem::take(&mut self.begun);
        let before = self.rest.kinds;
        // What was there before must not be pushed out.
        if before >> 56 != 0 {
            self.form.length = TOO_LONG;
        }
        self.form.kind = if before == 0 { kind } else { 0 };
        self.rest.kinds = (before << 8) | u64::from(kind);
    }

    #[inline]
    fn put(&mut self, word: u64) {
        match usize::from(self.form.length).checked_sub(1) {
            None => self.head.word = word,
            Some(at) => {
                if let Some(slot) = self.rest.words.get_mut(at) {
                    *slot = word;
                }
            }
        }
        // It stays too long.
        self.form.length = (self.form.length + 1).min(TOO_LONG);
    }

    #[inline]
    fn word(&mut self, word: u64) {
        self.put(word);
        // As in FxHash, 2.0: multiply, and let what is high come down. Numbers that follow each other lie apart.
        self.hash = (self.hash ^ word).wrapping_mul(FACTOR).rotate_left(26);
    }

    #[inline]
    fn word_of_text(&mut self, word: u64) {
        self.put(word);
        // As in wyhash: both halves of the product. What follows each other in texts differs in their last bytes, the
        // highest of the word, of which the lower half alone knows next to nothing.
        let product = u128::from(self.hash ^ word) * u128::from(FACTOR);
        self.hash = low_half(product) ^ low_half(product >> 64);
    }

    /// Adds a number.
    #[inline]
    pub(super) fn number(&mut self, is_negative: bool, magnitude: u64) {
        self.kind(if is_negative { NEGATIVE } else { NUMBER });
        self.word(magnitude);
    }

    /// Adds 128 bits, which are written as a number or as a UUID.
    #[inline]
    pub(super) fn wide(&mut self, bits: u128, is_uuid: bool) {
        self.kind(if is_uuid { UUID } else { WIDE });
        let bytes = bits.to_le_bytes();
        let (words, _) = bytes.as_chunks();
        for word in words {
            self.word(u64::from_le_bytes(*word));
        }
    }

    /// Adds a text, which is written escaped or raw.
    #[inline]
    pub(super) fn text(&mut self, text: &str, is_raw: bool) {
        let bytes = text.as_bytes();
        let Some(length) = u8::try_from(bytes.len()).ok().filter(|length| *length <= 8 * WORDS) else {
            self.form.length = TOO_LONG;
            return;
        };
        self.kind(TEXT + 2 * length + u8::from(is_raw));
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.word_of_text(u64::from_le_bytes(*word));
        }
        if rest.is_empty() {
            return;
        }
        // With some of what comes before it, which tells no less.
        let last = match (bytes.last_chunk(), rest.first_chunk(), rest.last_chunk()) {
            (Some(last), ..) => u64::from_le_bytes(*last),
            (None, Some(first), Some(last)) => {
                u64::from(u32::from_le_bytes(*first)) | (u64::from(u32::from_le_bytes(*last)) << 32)
            }
            _ => rest.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
        };
        self.word_of_text(last);
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the other half is asked for, too")]
const fn low_half(product: u128) -> u64 {
    product as u64
}

#[cfg(test)]
mod tests {
    use super::Identity;

    fn of(write: impl Fn(&mut Identity)) -> Identity {
        let mut identity = Identity::new(1);
        write(&mut identity);
        identity
    }

    fn same(a: &Identity, b: &Identity) -> bool {
        b.parts().is_some_and(|(head, form, rest)| a.is_of(head, form, &rest))
    }

    #[test]
    fn two_texts_have_one_identity_only_if_they_are_one() {
        let texts: Vec<String> = (0..=56)
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
        let identities: Vec<Identity> = texts.iter().map(|text| of(|key| key.text(text, false))).collect();
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
                (0..1_000).map(|id| of(|key| key.text(&format!("{before}{id:04}"), false)).hash() % 2_048);
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
            of(|key| key.wide(seven.into(), false)),
            of(|key| key.wide(seven.into(), true)),
            of(|key| key.text("7", false)),
            of(|key| key.text("7", true)),
            of(|key| key.text("7\0", false)),
            of(|key| key.text("", false)),
            of(|key| {
                key.text("", false);
                key.number(false, seven);
            }),
            of(|key| {
                key.number(false, seven);
                key.text("", false);
            }),
            // "a" and nothing, nothing and "a", one part of both.
            of(|key| {
                key.begin();
                key.text("a", false);
                key.begin();
                key.end();
            }),
            of(|key| {
                key.begin();
                key.begin();
                key.text("a", false);
                key.end();
            }),
            of(|key| {
                key.begin();
                key.text("a", false);
                key.text("a", false);
                key.end();
            }),
            of(|key| {
                key.begin();
                key.text("a", false);
                key.begin();
                key.text("a", false);
                key.end();
            }),
            Identity::new(2),
        ];
        for (index, one) in all.iter().enumerate() {
            for (at, other) in all.iter().enumerate() {
                assert_eq!(same(one, other), index == at, "{index} {at}");
            }
        }
    }

    #[test]
    fn what_is_too_long_has_no_identity() {
        let text = "x".repeat(57);
        let long = [
            of(|key| key.text(&text, false)),
            of(|key| (0..8).for_each(|number| key.number(false, number))),
            of(|key| (0..9).for_each(|_| key.text("", false))),
            of(|key| {
                key.text(&text, false);
                key.number(false, 7);
            }),
        ];
        for identity in long {
            assert!(identity.parts().is_none());
        }
        assert!(of(|key| (0..7).for_each(|number| key.number(false, number))).parts().is_some());
    }
}
