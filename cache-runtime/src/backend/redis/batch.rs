//! Concurrent reads share a command.
//!
//! A read that is alone is sent at once, by its caller. While others are under way, reads are gathered by up to
//! [`IN_FLIGHT`] tasks, each of which sends what is waiting, answers it, lets those come back whom it has answered, and
//! sends what is waiting then; without any timer. What waits does so in several places, by the thread that asks, so that
//! threads need not wait for each other's lock; who sends takes some from each. A caller that goes away takes nothing from
//! the others: what it has begun goes on in a task of its own, and what was meant for it is given back.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::hash::BuildHasher;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::fault::Fault;
use super::readers::Readers;
use super::reads::MOST_KEYS;
use super::turns::Turns;
use crate::backend::Entry;
use crate::clock::{Bell, Clock, Limit, millis};
use crate::error::BackendError;
use crate::rt;
use crate::thread::{self, Apart};

/// The most batches under way.
const IN_FLIGHT: u64 = 3;
/// In how many places reads wait.
const PLACES: usize = 4;
/// The most keys of a part of a batch, which comes from one place.
const PART: usize = MOST_KEYS / 2;
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

/// How many keys a part has lately had, and how long a text: the next one has room for as much.
#[derive(Default)]
struct Usual {
    keys: usize,
    text: usize,
}

impl Usual {
    /// After a part: as much as that one had, or a little less than before.
    fn after(&mut self, keys: usize, text: usize) {
        let less = |usual: usize| usual - usual / 8;
        (self.keys, self.text) = (keys.max(less(self.keys)), text.max(less(self.text)));
    }
}

/// Keys that are asked for together, of one place.
struct Part<E: Errand> {
    /// The texts of the keys, one after the other.
    text: String,
    keys: Vec<Key>,
    readers: Arc<Readers<Answer<E>>>,
    /// Rings when the time of its first reader is over, for all of them.
    bell: Option<Bell>,
}

struct Key {
    /// Where its text ends.
    end: usize,
    hash: u64,
    is_large: bool,
}

impl<E: Errand> Part<E> {
    /// One whose first reader has so long.
    fn new(limit: Option<Duration>, usual: &Usual) -> Self {
        let readers: Arc<Readers<Answer<E>>> = Arc::new(Readers::with_capacity(usual.keys));
        let ring = || Waker::from(Arc::clone(&readers));
        let bell = limit.and_then(|limit| Clock::machine().bell(limit, ring));
        let (text, keys) = (String::with_capacity(usual.text), Vec::with_capacity(usual.keys));
        Self { text, keys, readers, bell }
    }

    /// Whether another key may go with these: a value that is large keeps others waiting, so its key goes alone.
    fn has_room(&self, is_large: bool) -> bool {
        !is_large && self.keys.len() < PART && !self.is_large()
    }

    fn is_large(&self) -> bool {
        self.keys.last().is_some_and(|last| last.is_large)
    }

    fn add(&mut self, text: &str, hash: u64, is_large: bool, waker: Waker) -> usize {
        self.text.push_str(text);
        self.keys.push(Key { end: self.text.len(), hash, is_large });
        self.readers.add(waker)
    }

    /// The keys' texts, with their hashes.
    fn keys(&self) -> impl Iterator<Item = (&str, u64)> {
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
        Reading(Step::Asks { gathered: self, key, limit })
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
            return (asked, Some(Own(Some(Box::pin(async move { run(&turn.gathered, batch).await })))));
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

/// A read of one key. All of a call that hits waits for it, so it is small, and no `async fn`.
pub(super) struct Reading<'a, E: Errand>(Step<'a, E>);

enum Step<'a, E: Errand> {
    /// It has not begun.
    Asks {
        gathered: &'a Arc<Gathered<E>>,
        key: &'a str,
        limit: Option<Duration>,
    },
    Waits(Awaited<'a, E>),
    /// It sends its own batch. Apart: of many who wait, few send.
    Sends(Pin<Box<dyn Future<Output = Answer<E>> + Send + 'a>>),
}

impl<E: Errand> Future for Reading<'_, E> {
    type Output = Answer<E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<E>> {
        let step = &mut self.0;
        if let &mut Step::Asks { gathered, key, limit } = step {
            let asks = gathered.asks(key);
            let ask = |waiting: &mut Waiting<E>, waker| gathered.ask(waiting, &asks, waker, limit);
            *step = match gathered.join(context.waker().clone(), ask) {
                // It will be woken.
                (awaited, None) if awaited.own.is_none() => {
                    *step = Step::Waits(awaited);
                    return Poll::Pending;
                }
                (awaited, None) => Step::Waits(awaited),
                (awaited, Some(own)) => Step::Sends(Box::pin(awaited.after(own))),
            };
        }
        match step {
            Step::Asks { .. } => Poll::Pending,
            Step::Waits(awaited) => Pin::new(awaited).poll(context),
            Step::Sends(sends) => sends.as_mut().poll(context),
        }
    }
}

/// A caller's side: when it is dropped, so is what came too late for it.
struct Awaited<'a, E: Errand> {
    errand: &'a Arc<E>,
    key: &'a str,
    /// Its place in its batch; nothing once it has been answered.
    asked: Option<(usize, Arc<Readers<Answer<E>>>)>,
    /// How long it has, in milliseconds; 0 for as long as it takes.
    limit: u64,
    due: u64,
    /// Where the batch's bell is not enough.
    own: Option<Box<Limit<'static>>>,
}

impl<E: Errand> Awaited<'_, E> {
    /// Sees to its own time.
    fn keep_time(&mut self) {
        let left = self.due.saturating_sub(Clock::machine().coarse_millis());
        self.own = Some(Box::new(Clock::machine().limit(Duration::from_millis(left))));
    }

    /// The answer, after the batch that it is in.
    async fn after(self, mut batch: Own) -> Answer<E> {
        if self.limit == 0 {
            batch.await;
        } else {
            let limit = Duration::from_millis(self.limit);
            let in_time = rt::limited(Clock::machine(), limit, &mut batch, || ());
            in_time.await;
            if !batch.is_over() {
                return Err(BackendError::Timeout(limit));
            }
        }
        self.await
    }
}

impl<E: Errand> Future for Awaited<'_, E> {
    type Output = Answer<E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<E>> {
        let this = &mut *self;
        let Some((place, readers)) = &this.asked else { return Poll::Pending };
        let is_rung = match readers.poll(*place, context) {
            Ok(answer) => {
                this.asked = None;
                return Poll::Ready(answer);
            }
            Err(is_rung) => is_rung,
        };
        if is_rung && this.limit > 0 && this.own.is_none() {
            this.keep_time();
        }
        let Some(own) = &mut this.own else { return Poll::Pending };
        own.poll(context).map(|()| Err(BackendError::Timeout(Duration::from_millis(this.limit))))
    }
}

impl<E: Errand> Drop for Awaited<'_, E> {
    fn drop(&mut self) {
        let unread = self.asked.take().and_then(|(place, readers)| readers.leave(place));
        if let Some(Ok(found)) = unread {
            self.errand.take_back(self.key, found);
        }
    }
}

/// A batch of the caller's own, in its own task as long as it is there.
struct Own(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Own {
    const fn is_over(&self) -> bool {
        self.0.is_none()
    }
}

impl Future for Own {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(batch) = &mut self.0 else { return Poll::Ready(()) };
        let polled = batch.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // A command under way is heard to its end: it may have taken a lease.
        if let (Some(batch), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(batch);
        }
    }
}

/// What is asked for together.
struct Batch<E: Errand> {
    parts: Vec<Part<E>>,
    keys: usize,
}

impl<E: Errand> Batch<E> {
    /// Takes what waits in a place, as much as there is room for.
    fn take(&mut self, waiting: &mut Waiting<E>) {
        while let Some(part) = waiting.parts.front()
            && self.has_room(part)
            && let Some(part) = waiting.next()
        {
            self.keys += part.keys.len();
            self.parts.push(part);
        }
    }

    fn has_room(&self, part: &Part<E>) -> bool {
        let fits = || !part.is_large() && self.keys + part.keys.len() <= MOST_KEYS;
        self.parts.last().is_none_or(|last| !last.is_large() && fits())
    }
}

/// A place among those under way; given on, or back, even by a task that is dropped.
struct Turn<E: Errand> {
    gathered: Arc<Gathered<E>>,
    is_held: bool,
    /// It was made for a task that has not run yet.
    is_new: bool,
}

impl<E: Errand> Turn<E> {
    /// The next batch, whose parts come from this place first. Without one the turn is given back.
    fn next(&mut self, first: usize) -> Option<Batch<E>> {
        let batch = self.gathered.next(first);
        if batch.is_none() {
            self.end();
        }
        batch
    }

    /// Gives it back, or on to another task where somebody has come who counted on it.
    fn end(&mut self) {
        if !std::mem::take(&mut self.is_held) {
            return;
        }
        let gathered = &self.gathered;
        if !gathered.turns.end(|| gathered.is_waited_for()) {
            return;
        }
        // An executor that shuts down drops each task that it is given: so this one, before it ran, and so the next.
        if !self.is_new
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(serve(gathered.turn(true)));
            return;
        }
        gathered.turns.give_back();
        // Those who wait are told so.
        for place in 0..PLACES {
            let stopped = std::mem::take(&mut gathered.waiting(place).parts);
            drop(stopped);
        }
    }
}

impl<E: Errand> Drop for Turn<E> {
    fn drop(&mut self) {
        self.end();
    }
}

/// Sends batches as long as somebody waits.
async fn serve<E: Errand>(mut turn: Turn<E>) {
    turn.is_new = false;
    for first in (0..PLACES).cycle() {
        // Those who were answered come back first: else a batch would have only the few that came meanwhile.
        behind_those_woken().await;
        let Some(batch) = turn.next(first) else { return };
        run(&turn.gathered, batch).await;
    }
}

/// Lets those run first whom this task has woken: it is woken after them. With Tokio's own `yield_now` it would be after all
/// who become ready meanwhile, those of the next answer too, and the server would have nothing to do.
fn behind_those_woken() -> impl Future<Output = ()> {
    let mut is_behind = false;
    poll_fn(move |context| {
        if std::mem::replace(&mut is_behind, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
}

/// A key of a batch.
struct Asked<'b> {
    key: &'b str,
    hash: u64,
    readers: usize,
}

async fn run<E: Errand>(gathered: &Gathered<E>, batch: Batch<E>) {
    let count = batch.keys;
    let mut asked: Vec<Asked<'_>> = Vec::with_capacity(count);
    let mut places: HashTable<usize> = HashTable::with_capacity(count);
    let mut place_of = Vec::with_capacity(count);
    for ((key, hash), waits) in batch.parts.iter().flat_map(|part| part.keys().zip(part.readers.waiting())) {
        // Who went away before it began reads nothing.
        if !waits {
            place_of.push(None);
            continue;
        }
        let is_same = |place: &usize| asked.get(*place).is_some_and(|asked| asked.key == key);
        let hash_of = |place: &usize| asked.get(*place).map_or(0, |asked| asked.hash);
        let place = *places.entry(hash, is_same, hash_of).or_insert(asked.len()).get();
        match asked.get_mut(place) {
            Some(asked) => asked.readers += 1,
            None => asked.push(Asked { key, hash, readers: 1 }),
        }
        place_of.push(Some(place));
    }
    let keys: Vec<&str> = asked.iter().map(|asked| asked.key).collect();
    let mut found = gathered.errand.go(&keys).await;
    for (asked, found) in asked.iter().zip(&found) {
        if let Ok(found) = found {
            gathered.remember(asked.hash, found);
        }
    }
    let mut answers = place_of.into_iter().map(|place| {
        let (asked, found) = (asked.get_mut(place?)?, found.get_mut(place?));
        asked.readers -= 1;
        Some(match found {
            Some(Ok(found)) => Ok(E::share(found, asked.readers)),
            Some(Err(fault)) => Err(fault.clone().into()),
            None => Err(Fault::Answer.into()),
        })
    });
    for part in &batch.parts {
        let left = part.readers.answer(answers.by_ref().take(part.keys.len()));
        for (place, answer) in left {
            if let (Some((key, _)), Ok(found)) = (part.keys().nth(place), answer) {
                gathered.errand.take_back(key, found);
            }
        }
    }
}
