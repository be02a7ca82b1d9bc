//! Concurrent reads share a command.
//!
//! A read that is alone is sent at once, by its caller. While others are under way, reads are gathered by up to
//! [`IN_FLIGHT`] tasks, each of which sends what is waiting, answers it, lets those come back whom it has answered, and
//! sends what is waiting then; without any timer. What waits does so in several places, by the thread that asks, so that
//! threads need not wait for each other's lock; who sends takes some from each. A caller that goes away takes nothing from
//! the others: what it has begun goes on in a task of its own, and what was meant for it is given back.

mod part;
mod reading;
mod sending;

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use foldhash::fast::RandomState;

use super::fault::Fault;
use super::turns::Turns;
use crate::backend::Entry;
use crate::clock::{Clock, millis};
use crate::error::BackendError;
use crate::thread::{self, Apart};
use part::{Part, Usual};
pub(super) use reading::Reading;
use reading::{Awaited, Own};
use sending::{Batch, Turn, run, serve};

/// The most batches under way.
const IN_FLIGHT: u64 = 3;
/// In how many places reads wait.
const PLACES: usize = 4;
/// A value longer than this keeps the others of its batch waiting: its key goes alone the next time.
const LARGE: usize = 64 * 1024;
/// How many keys of large values are remembered, by hash; of two in one place the latter.
const REMEMBERED: usize = 1_024;

/// What a batch is sent for.
pub(super) trait Errand: Send + Sync + 'static {
    /// What there is for a key.
    type Found: Send;

    /// Goes for keys that differ from each other, at most [`MOST_KEYS`]; one answer a key.
    fn go(&self, keys: &[&str]) -> impl Future<Output = Vec<Result<Self::Found, Fault>>> + Send;

    /// What one of several readers of a key gets, after whom so many come.
    fn share(found: &mut Self::Found, others: usize) -> Self::Found;

    /// The value, if that is what there is.
    fn value(found: &Self::Found) -> Option<&Entry>;

    /// Takes back what nobody waits for any more.
    fn take_back(self: &Arc<Self>, key: &str, found: Self::Found);
}

type Answer<E> = Result<<E as Errand>::Found, BackendError>;

/// What reads of one kind go through.
pub(super) struct Gathered<E: Errand> {
    errand: Arc<E>,
    waiting: [Apart<Mutex<Waiting<E>>>; PLACES],
    turns: Turns,
    large: Box<[AtomicU64]>,
    hasher: RandomState,
}

/// What waits in one place.
struct Waiting<E: Errand> {
    parts: VecDeque<Part<E>>,
    usual: Usual,
}

impl<E: Errand> Gathered<E> {
    pub(super) fn new(errand: E) -> Arc<Self> {
        let large = (0..REMEMBERED).map(|_| AtomicU64::new(0)).collect();
        let place = |_| Apart(Mutex::new(Waiting { parts: VecDeque::new(), usual: Usual::default() }));
        let (waiting, turns) = (std::array::from_fn(place), Turns::new(IN_FLIGHT));
        Arc::new(Self { errand: Arc::new(errand), waiting, turns, large, hasher: RandomState::default() })
    }

    /// Where a key of a large value is remembered, by its hash.
    fn place(&self, hash: u64) -> Option<&AtomicU64> {
        usize::try_from(hash % REMEMBERED as u64).ok().and_then(|place| self.large.get(place))
    }

    fn is_large(&self, hash: u64) -> bool {
        self.place(hash).is_some_and(|place| place.load(Ordering::Relaxed) == hash)
    }

    fn remember(&self, hash: u64, found: &E::Found) {
        if let Some(entry) = E::value(found)
            && entry.value.len() > LARGE
            && let Some(place) = self.place(hash)
        {
            place.store(hash, Ordering::Relaxed);
        }
    }

    /// What waits in a place; threads have their own, as far as there are enough.
    fn waiting(&self, place: usize) -> MutexGuard<'_, Waiting<E>> {
        self.waiting[place % PLACES].0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_waited_for(&self) -> bool {
        (0..PLACES).any(|place| !self.waiting(place).parts.is_empty())
    }

    /// What waits in all places, beginning with one of them, as much as goes together.
    fn next(&self, first: usize) -> Option<Batch<E>> {
        let mut batch = Batch { parts: Vec::new(), keys: 0 };
        for place in first..first + PLACES {
            batch.take(&mut self.waiting(place));
        }
        (batch.keys > 0).then_some(batch)
    }

    fn turn(self: &Arc<Self>, is_new: bool) -> Turn<E> {
        Turn { gathered: Arc::clone(self), is_held: true, is_new }
    }

    /// Reads one key, in whatever batch comes next; within a limit of time, if there is one.
    pub(super) const fn read<'a>(
        self: &'a Arc<Self>,
        key: &'a str,
        limit: Option<Duration>,
    ) -> Reading<'a, E> {
        Reading::new(self, key, limit)
    }

    /// Reads keys together, in whatever batches come next.
    pub(super) async fn read_many(self: &Arc<Self>, keys: &[&str]) -> Vec<Answer<E>> {
        let waker = poll_fn(|context| Poll::Ready(context.waker().clone())).await;
        let all = |waiting: &mut Waiting<E>, waker: Option<Waker>| -> Vec<_> {
            keys.iter().map(|key| self.ask(waiting, &self.asks(key), waker.clone(), None)).collect()
        };
        let (awaited, own) = self.join(waker, all);
        if let Some(own) = own {
            own.await;
        }
        let mut answers = Vec::with_capacity(awaited.len());
        // One after the other: all of them are on their way.
        for awaited in awaited {
            answers.push(awaited.await);
        }
        answers
    }

    /// What is known of a key before anything is locked.
    fn asks<'a>(&self, key: &'a str) -> Asks<'a> {
        let hash = self.hasher.hash_one(key);
        Asks { key, hash, is_large: self.is_large(hash) }
    }

    /// Puts a key into the batch that is next to have room.
    fn ask<'a>(
        &'a self,
        waiting: &mut Waiting<E>,
        asks: &Asks<'a>,
        waker: Option<Waker>,
        limit: Option<Duration>,
    ) -> Awaited<'a, E> {
        let &Asks { key, hash, is_large } = asks;
        if waiting.parts.back().is_none_or(|last| !last.has_room(is_large)) {
            // Whoever sends its own batch keeps its own time.
            let part = Part::new(limit.filter(|_| waker.is_some()), &waiting.usual);
            waiting.parts.push_back(part);
        }
        let limit = limit.map_or(0, |limit| millis(limit).max(1));
        let due = Clock::machine().coarse_millis().saturating_add(limit);
        let mut awaited = Awaited { errand: &self.errand, key, asked: None, limit, due, own: None };
        if let Some(part) = waiting.parts.back_mut() {
            let is_own = waker.is_none();
            let waker = waker.unwrap_or_else(|| Waker::noop().clone());
            awaited.asked = Some((part.add(key, hash, is_large, waker), Arc::clone(&part.readers)));
            if limit > 0 && !is_own && !part.bell.as_ref().is_some_and(|bell| bell.rings_by(due)) {
                awaited.keep_time();
            }
        }
        awaited
    }

    /// Lets keys wait for a batch, and sees to it that there will be one: the caller's own, where nobody else reads.
    fn join<T>(
        self: &Arc<Self>,
        waker: Waker,
        ask: impl FnOnce(&mut Waiting<E>, Option<Waker>) -> T,
    ) -> (T, Option<Own>) {
        let place = thread::number();
        let mut waiting = self.waiting(place);
        let is_alone = waiting.parts.is_empty() && self.turns.begin_alone();
        let alone = is_alone.then(|| self.turn(false));
        // Whoever sends its own batch is there when it is answered, and need not be woken.
        let asked = ask(&mut waiting, alone.is_none().then_some(waker));
        if let Some(turn) = alone {
            let mut batch = Batch { parts: Vec::new(), keys: 0 };
            batch.take(&mut waiting);
            drop(waiting);
            return (asked, Some(Own::new(async move { run(&turn.gathered, batch).await })));
        }
        drop(waiting);
        if self.turns.begin() {
            tokio::spawn(serve(self.turn(true)));
        }
        (asked, None)
    }
}

impl<E: Errand> Waiting<E> {
    fn next(&mut self) -> Option<Part<E>> {
        let part = self.parts.pop_front()?;
        self.usual.after(part.keys.len(), part.text.len());
        Some(part)
    }
}

/// A key that is asked for.
struct Asks<'a> {
    key: &'a str,
    hash: u64,
    is_large: bool,
}
