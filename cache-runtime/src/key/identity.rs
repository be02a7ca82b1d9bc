//! What tells a key from all others without its text: who writes it, and its parts as they are.
//!
//! Two keys of one identity have one text: whoever writes a key writes the same literals round its parts each time,
//! and what is written of a part follows from what is kept of it here, all of it. A part of an author's own may write
//! several pieces, or none: where each begins is kept too.
//!
//! A hit stores none of its key's words. It takes a [`Glance`] at the parts, by which a place is found, and goes over them
//! once more where there are several words, to [compare](Compared) each with what is kept there.

/// How many words of parts are kept, where there is more than one.
const WORDS: u8 = 6;

/// The length of what has more words.
const TOO_LONG: u8 = WORDS + 1;

/// The words of a key, one after the other.
pub(crate) type Words = [u64; WORDS as usize];

/// Who writes a key, and its only word, or the hash of several: with its form all there is to a key of one number or one
/// short text.
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
    /// The kind of the piece where there is a single one of no more than a word, else 0.
    kind: u8,
}

/// What else there is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rest {
    /// A byte a piece, the last one lowest: of which kind it is, how long, and whether it begins a part.
    kinds: u64,
    words: Words,
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

/// What is looked for in a thread's mirror.
pub(crate) trait Identified {
    /// Equal for equal keys, and most likely not for others.
    fn hash(&self) -> u64;
    /// Whether it is the key that is kept there.
    fn is_of(&self, head: Head, form: Form, rest: &Rest) -> bool;
}

/// What is known of a key after its parts were gone over once, none of them kept.
#[derive(Clone, Copy)]
pub(crate) struct Glance {
    origin: usize,
    /// The last one.
    word: u64,
    length: u8,
    kinds: u64,
    hash: u64,
    /// `FIRST` until the part that has begun has a piece.
    begun: u8,
}

impl Glance {
    /// At a key without parts that is written at `origin`, a place in the program with but one way to write keys.
    #[inline]
    pub(super) const fn new(origin: usize) -> Self {
        Self { origin, word: 0, length: 0, kinds: 0, hash: origin as u64, begun: 0 }
    }

    #[inline]
    fn is_single(&self) -> bool {
        self.kinds >> 8 == 0 && self.length <= 1
    }

    #[inline]
    fn head(&self) -> Head {
        Head { origin: self.origin, word: if self.is_single() { self.word } else { self.hash } }
    }

    #[inline]
    fn form(&self) -> Form {
        let [.., kind] = self.kinds.to_be_bytes();
        Form { length: self.length, kind: if self.is_single() { kind } else { 0 } }
    }

    /// Whether it is the key of which this is kept, if `are_its` says whether words are its own.
    #[inline]
    pub(super) fn is_of(
        &self,
        head: Head,
        form: Form,
        rest: &Rest,
        are_its: impl FnOnce(&Words) -> bool,
    ) -> bool {
        self.head() == head
            && self.form() == form
            && (self.is_single() || self.kinds == rest.kinds && are_its(&rest.words))
    }

    #[inline]
    pub(super) const fn hash(&self) -> u64 {
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
        // What was there before must not be pushed out.
        if self.kinds >> 56 != 0 {
            self.length = TOO_LONG;
        }
        self.kinds = (self.kinds << 8) | u64::from(kind);
    }

    /// It stays too long.
    #[inline]
    fn lengthen(&mut self, words: u8) {
        self.length = self.length.saturating_add(words).min(TOO_LONG);
    }

    #[inline]
    fn word(&mut self, word: u64) {
        self.lengthen(1);
        self.word = word;
        // As in FxHash, 2.0: multiply, and let what is high come down. Numbers that follow each other lie apart.
        self.hash = (self.hash ^ word).wrapping_mul(FACTOR).rotate_left(26);
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
        for word in halves(bits) {
            self.word(word);
        }
    }

    /// Adds a text, which is written escaped or raw.
    #[inline]
    pub(super) fn text(&mut self, text: &str, is_raw: bool) {
        let bytes = text.as_bytes();
        let Some(length) = u8::try_from(bytes.len()).ok().filter(|length| *length <= 8 * WORDS) else {
            self.length = TOO_LONG;
            return;
        };
        self.kind(TEXT + 2 * length + u8::from(is_raw));
        self.lengthen(length.div_ceil(8));
        (self.hash, self.word) = mix(self.hash, bytes);
    }
}

/// Mixes a text into a hash; returns its last word, too. Not inlined where keys are written, and with nothing in memory.
#[inline(never)]
fn mix(mut hash: u64, text: &[u8]) -> (u64, u64) {
    let mut last = 0;
    each_word(text, |word| {
        last = word;
        // As in wyhash: both halves of the product. What follows each other in texts differs in their last bytes, the
        // highest of the word, of which the lower half alone knows next to nothing.
        let [low, high] = halves(u128::from(hash ^ word) * u128::from(FACTOR));
        hash = low ^ high;
    });
    (hash, last)
}

/// A key's identity, with all its words.
#[derive(Clone, Copy)]
pub(crate) struct Identity {
    glance: Glance,
    words: Words,
}

impl Identity {
    pub(super) const fn new(glance: Glance, words: Words) -> Self {
        Self { glance, words }
    }

    /// What tells it from others, if the key is not too long for that.
    #[inline]
    pub(crate) fn parts(&self) -> Option<(Head, Form, Rest)> {
        let Self { glance, words } = *self;
        let parts = (glance.head(), glance.form(), Rest { kinds: glance.kinds, words });
        (glance.length < TOO_LONG).then_some(parts)
    }
}

impl Identified for Identity {
    #[inline]
    fn hash(&self) -> u64 {
        self.glance.hash
    }

    #[inline]
    fn is_of(&self, head: Head, form: Form, rest: &Rest) -> bool {
        self.glance.is_of(head, form, rest, |words| *words == self.words)
    }
}

/// Compares the words of a key with those of another one of the same kinds.
pub(super) struct Compared<'a> {
    /// Of the same kinds, it has no more words than these.
    kept: &'a Words,
    at: usize,
    difference: u64,
}

impl<'a> Compared<'a> {
    #[inline]
    pub(super) const fn with(kept: &'a Words) -> Self {
        Self { kept, at: 0, difference: 0 }
    }

    #[inline]
    pub(super) const fn are_same(&self) -> bool {
        self.difference == 0
    }

    #[inline]
    pub(super) fn word(&mut self, word: u64) {
        self.difference |= self.kept.get(self.at).map_or(u64::MAX, |kept| kept ^ word);
        self.at += 1;
    }

    #[inline]
    pub(super) fn wide(&mut self, bits: u128) {
        for word in halves(bits) {
            self.word(word);
        }
    }

    #[inline]
    pub(super) fn text(&mut self, text: &str) {
        let kept = self.kept.get(self.at..).unwrap_or_default();
        self.difference |= difference(kept, text.as_bytes());
        self.at += text.len().div_ceil(8);
    }
}

/// What a text differs in from words. Not inlined, as [`mix`].
#[inline(never)]
fn difference(kept: &[u64], text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks();
    let mut difference = if kept.len() < words.len() { u64::MAX } else { 0 };
    for (word, kept) in words.iter().zip(kept) {
        difference |= u64::from_le_bytes(*word) ^ kept;
    }
    if !rest.is_empty() {
        difference |= kept.get(words.len()).map_or(u64::MAX, |kept| kept ^ last_word(text, rest));
    }
    difference
}

/// Keeps the words of a key.
#[derive(Default)]
pub(super) struct Kept {
    words: Words,
    at: usize,
}

impl Kept {
    pub(super) const fn words(&self) -> Words {
        self.words
    }

    pub(super) fn word(&mut self, word: u64) {
        if let Some(slot) = self.words.get_mut(self.at) {
            *slot = word;
        }
        self.at += 1;
    }

    pub(super) fn wide(&mut self, bits: u128) {
        for word in halves(bits) {
            self.word(word);
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        each_word(text.as_bytes(), |word| self.word(word));
    }
}

#[inline]
fn each_word(bytes: &[u8], mut word: impl FnMut(u64)) {
    let (words, rest) = bytes.as_chunks();
    for bytes in words {
        word(u64::from_le_bytes(*bytes));
    }
    if !rest.is_empty() {
        word(last_word(bytes, rest));
    }
}

/// The rest of a text, with some of what comes before it, which tells no less.
#[inline]
fn last_word(bytes: &[u8], rest: &[u8]) -> u64 {
    match (bytes.last_chunk(), rest.first_chunk(), rest.last_chunk()) {
        (Some(last), ..) => u64::from_le_bytes(*last),
        (None, Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) | (u64::from(u32::from_le_bytes(*last)) << 32)
        }
        _ => rest.iter().fold(0, |word, byte| (word << 8) | u64::from(*byte)),
    }
}

/// The lower one first.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the other half is there, too")]
const fn halves(bits: u128) -> [u64; 2] {
    [bits as u64, (bits >> 64) as u64]
}
