//! An entry of the local tier, and how it is found.

use std::cell::RefCell;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Equivalent;

use super::Shared;
use crate::store::tags::Counted;

/// The longest text, namespace and key, that stands in the entry itself: as long as makes a [`Text`] of 24 bytes.
const SHORT: usize = 22;

/// An entry, whole: what the cache calls the key. It gives out clones of what it calls the value, so with the
/// record as that every hit would write to a counter that all readers of the key share. A reader therefore
/// takes what it wants while the keys are being compared, see [`Probe`]; the cache's value is the weight.
pub(super) struct Held(pub(super) Box<Record>);

pub(super) struct Record {
    pub(super) fresh_until: u64,
    /// How long it is served after that, in milliseconds.
    pub(super) stale_for: u32,
    pub(super) version: u32,
    pub(super) name: Text,
    pub(super) content: Content,
}

/// What an entry holds. Two words: the many that are values without tags bear nothing for those that have some.
pub(super) enum Content {
    Value(Shared),
    /// `None` is a "not there" without tags.
    Other(Option<Box<Tagged>>),
}

/// A value with tags, or a "not there".
pub(super) struct Tagged {
    value: Option<Shared>,
    counted: Arc<Counted>,
}

impl Content {
    pub(super) fn new(value: Option<Shared>) -> Self {
        value.map_or(Self::Other(None), Self::Value)
    }

    /// The same with tags, counted before the value was read.
    pub(super) fn tag(&mut self, counted: Arc<Counted>) {
        let value = match std::mem::replace(self, Self::Other(None)) {
            Self::Value(value) => Some(value),
            Self::Other(tagged) => tagged.and_then(|tagged| tagged.value),
        };
        *self = Self::Other(Some(Box::new(Tagged { value, counted })));
    }

    /// What a reader takes.
    #[inline]
    fn take(&self, fresh_until: u64) -> Taken {
        let (value, counted) = match self {
            Self::Value(value) => (Some(value.clone()), None),
            Self::Other(None) => (None, None),
            Self::Other(Some(tagged)) => (tagged.value.clone(), Some(Arc::clone(&tagged.counted))),
        };
        Taken { value, fresh_until, counted }
    }
}

/// What a reader has taken from an entry.
pub(super) struct Taken {
    pub(super) value: Option<Shared>,
    pub(super) fresh_until: u64,
    /// How the tags were counted, if there are some: nothing is to be used if one has changed since.
    pub(super) counted: Option<Arc<Counted>>,
}

/// The four bytes of a namespace, then a key's. A short one needs no further allocation.
pub(super) enum Text {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Box<[u8]>),
}

impl Text {
    pub(super) fn new(namespace: u32, key: &[u8]) -> Self {
        let parts = [&namespace.to_ne_bytes(), key];
        let length = parts[0].len() + parts[1].len();
        let mut bytes = [0; SHORT];
        match (bytes.get_mut(..length), u8::try_from(length)) {
            (Some(slot), Ok(length)) => {
                slot.iter_mut().zip(parts.concat()).for_each(|(slot, byte)| *slot = byte);
                Self::Short { length, bytes }
            }
            _ => Self::Long(parts.concat().into()),
        }
    }

    #[inline]
    pub(super) fn name(&self) -> Name<'_> {
        let text = match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or(bytes),
            Self::Long(bytes) => bytes,
        };
        // Never shorter than the namespace.
        let (namespace, key) = text.split_first_chunk().unwrap_or((&[0; 4], text));
        Name { namespace: u32::from_ne_bytes(*namespace), key }
    }
}

/// What an entry is found by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Name<'a> {
    pub(super) namespace: u32,
    pub(super) key: &'a [u8],
}

impl Hash for Name<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u32(self.namespace);
        // Nothing follows, so there need be no mark of the end.
        state.write(self.key);
    }
}

impl Equivalent<Held> for Name<'_> {
    fn equivalent(&self, held: &Held) -> bool {
        held.0.name.name() == *self
    }
}

impl Hash for Held {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.name().hash(state);
    }
}

impl PartialEq for Held {
    fn eq(&self, other: &Self) -> bool {
        self.0.name.name() == other.0.name.name()
    }
}

impl Eq for Held {}

/// A reader: it is equal to the entry of its key if that is of its version, and takes from it then what it holds.
pub(super) struct Probe<'a> {
    pub(super) name: Name<'a>,
    version: u32,
    now_ms: u64,
    pub(super) found: RefCell<Option<Taken>>,
}

impl<'a> Probe<'a> {
    #[inline]
    pub(super) const fn new(name: Name<'a>, version: u32, now_ms: u64) -> Self {
        Self { name, version, now_ms, found: RefCell::new(None) }
    }
}

impl Hash for Probe<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Equivalent<Held> for Probe<'_> {
    #[inline]
    fn equivalent(&self, held: &Held) -> bool {
        let record = &held.0;
        if record.name.name() != self.name || record.version != self.version {
            return false;
        }
        if self.now_ms < record.fresh_until.saturating_add(u64::from(record.stale_for)) {
            self.found.replace(Some(record.content.take(record.fresh_until)));
        }
        true
    }
}
