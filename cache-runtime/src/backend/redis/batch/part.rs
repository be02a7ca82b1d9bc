//! Keys that wait together.

use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use super::super::readers::Readers;
use super::super::reads::MOST_KEYS;
use super::{Answer, Errand};
use crate::clock::{Bell, Clock};
use crate::error::BackendError;

/// The most keys of a part of a batch, which comes from one place.
const PART: usize = MOST_KEYS / 2;

/// How many keys a part has lately had, and how long a text: the next one has room for as much.
#[derive(Default)]
pub(super) struct Usual {
    keys: usize,
    text: usize,
}

impl Usual {
    /// After a part: as much as that one had, or a little less than before.
    pub(super) fn after(&mut self, keys: usize, text: usize) {
        let less = |usual: usize| usual - usual / 8;
        (self.keys, self.text) = (keys.max(less(self.keys)), text.max(less(self.text)));
    }
}

/// Keys that are asked for together, of one place.
pub(super) struct Part<E: Errand> {
    /// The texts of the keys, one after the other.
    pub(super) text: String,
    pub(super) keys: Vec<Key>,
    pub(super) readers: Arc<Readers<Answer<E>>>,
    /// Rings when the time of its first reader is over, for all of them.
    pub(super) bell: Option<Bell>,
}

pub(super) struct Key {
    /// Where its text ends.
    end: usize,
    hash: u64,
    is_large: bool,
}

impl<E: Errand> Part<E> {
    /// One whose first reader has so long.
    pub(super) fn new(limit: Option<Duration>, usual: &Usual) -> Self {
        let readers: Arc<Readers<Answer<E>>> = Arc::new(Readers::with_capacity(usual.keys));
        let ring = || Waker::from(Arc::clone(&readers));
        let bell = limit.and_then(|limit| Clock::machine().bell(limit, ring));
        let (text, keys) = (String::with_capacity(usual.text), Vec::with_capacity(usual.keys));
        Self { text, keys, readers, bell }
    }

    /// Whether another key may go with these: a value that is large keeps others waiting, so its key goes alone.
    pub(super) fn has_room(&self, is_large: bool) -> bool {
        !is_large && self.keys.len() < PART && !self.is_large()
    }

    pub(super) fn is_large(&self) -> bool {
        self.keys.last().is_some_and(|last| last.is_large)
    }

    pub(super) fn add(&mut self, text: &str, hash: u64, is_large: bool, waker: Waker) -> usize {
        self.text.push_str(text);
        self.keys.push(Key { end: self.text.len(), hash, is_large });
        self.readers.add(waker)
    }

    /// The keys' texts, with their hashes.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&str, u64)> {
        let mut start = 0;
        self.keys.iter().map(move |key| {
            let text = self.text.get(start..key.end).unwrap_or_default();
            start = key.end;
            (text, key.hash)
        })
    }
}

impl<E: Errand> Drop for Part<E> {
    /// Who waits still is told that its task went down with the executor that it ran on.
    fn drop(&mut self) {
        self.readers.stop(|| Err(BackendError::Unavailable("the read was stopped".into())));
    }
}
