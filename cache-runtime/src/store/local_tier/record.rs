//! An entry of the local tier, and how it is found.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::Shared;
use crate::store::tags::Counted;

/// The longest text, namespace and key, that stands in the entry itself: as long as makes a [`Text`] of 24 bytes.
const SHORT: usize = 22;

/// An entry, whole.
pub(super) struct Record {
    pub(super) fresh_until: u64,
    /// How long it is served after that, in milliseconds.
    pub(super) stale_for: u32,
    pub(super) version: u32,
    pub(super) name: Text,
    pub(super) content: Content,
}

impl Record {
    /// What a reader takes who asks for that version, if it may still be served. The reader gets it in one piece, while
    /// the entry is locked.
    #[inline]
    pub(super) fn take(&self, version: u32, now_ms: u64) -> Option<Taken> {
        let serves =
            self.version == version && now_ms < self.fresh_until.saturating_add(u64::from(self.stale_for));
        serves.then(|| self.content.take(self.fresh_until))
    }
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
