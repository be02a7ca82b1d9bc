//! Concurrent reads share a command.
//!
//! A read that is alone is sent at once, by its caller. While others are under way, reads are gathered by up to
//! [`IN_FLIGHT`] tasks, each of which sends what is waiting, answers it, lets those come back whom it has answered, and
//! sends what is waiting then; without any timer. A caller that goes away takes nothing from the others: what it has begun
//! goes on in a task of its own, and what was meant for it is given back.

use std::future::Future;
use std::hash::BuildHasher;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use foldhash::fast::RandomState;
use futures_util::future::join_all;
use hashbrown::HashTable;
use tokio::sync::oneshot;

use super::fault::Fault;
use super::reads::MOST_KEYS;
use crate::backend::Entry;
use crate::error::BackendError;

/// The most batches under way.
const IN_FLIGHT: usize = 4;
/// A value longer than this keeps the others of its batch waiting: its key goes alone the next time.
const LARGE: usize = 64 * 1024;
/// How many keys of large values are remembered, by hash; of two in one place the latter.
const PLACES: usize = 1_024;

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
    queue: Mutex<Queue<E::Found>>,
    large: Box<[AtomicU64]>,
    hasher: RandomState,
}

struct Queue<F> {
    waiting: Vec<Waiting<F>>,
    in_flight: usize,
}

struct Waiting<F> {
    key: Box<str>,
    hash: u64,
    is_large: bool,
    answer: oneshot::Sender<Result<F, BackendError>>,
}

impl<F> Queue<F> {
    /// The next batch: up to a key whose value is large, or that key.
    fn batch(&mut self) -> Vec<Waiting<F>> {
        let large = self.waiting.iter().take(MOST_KEYS).position(|waiting| waiting.is_large);
        let end = large.map_or(MOST_KEYS, |place| place.max(1));
        let rest = self.waiting.split_off(self.waiting.len().min(end));
        std::mem::replace(&mut self.waiting, rest)
    }
}

impl<E: Errand> Gathered<E> {
    pub(super) fn new(errand: E) -> Arc<Self> {
        let large = (0..PLACES).map(|_| AtomicU64::new(0)).collect();
        let queue = Mutex::new(Queue { waiting: Vec::new(), in_flight: 0 });
        Arc::new(Self { errand: Arc::new(errand), queue, large, hasher: RandomState::default() })
    }

    /// Where a key of a large value is remembered, by its hash.
    fn place(&self, hash: u64) -> Option<&AtomicU64> {
        usize::try_from(hash % PLACES as u64).ok().and_then(|place| self.large.get(place))
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

    fn queue(&self) -> MutexGuard<'_, Queue<E::Found>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads one key, in whatever batch comes next.
    pub(super) async fn read(self: &Arc<Self>, key: &str) -> Answer<E> {
        let (waiting, awaited) = self.asked(key);
        if let Some(own) = self.join([waiting]) {
            own.await;
        }
        awaited.answer().await
    }

    /// Reads keys together, in whatever batches come next.
    pub(super) async fn read_many(self: &Arc<Self>, keys: &[&str]) -> Vec<Answer<E>> {
        let (waiting, awaited): (Vec<_>, Vec<_>) = keys.iter().map(|key| self.asked(key)).unzip();
        if let Some(own) = self.join(waiting) {
            own.await;
        }
        join_all(awaited.into_iter().map(Awaited::answer)).await
    }

    fn asked<'a>(self: &'a Arc<Self>, key: &'a str) -> (Waiting<E::Found>, Awaited<'a, E>) {
        let (answer, receiver) = oneshot::channel();
        let hash = self.hasher.hash_one(key);
        (
            Waiting { key: key.into(), hash, is_large: self.is_large(hash), answer },
            Awaited { errand: &self.errand, key, receiver },
        )
    }

    /// Lets keys wait for a batch, and sees to it that there will be one: the caller's own, where nobody else reads.
    fn join(self: &Arc<Self>, waiting: impl IntoIterator<Item = Waiting<E::Found>>) -> Option<Own> {
        let mut queue = self.queue();
        let is_alone = queue.in_flight == 0 && queue.waiting.is_empty();
        queue.waiting.extend(waiting);
        if queue.waiting.is_empty() || queue.in_flight >= IN_FLIGHT {
            return None;
        }
        queue.in_flight += 1;
        let turn = Turn { gathered: Arc::clone(self), is_held: true };
        if is_alone {
            let batch = queue.batch();
            drop(queue);
            return Some(Own(Some(Box::pin(async move { run(&turn.gathered, batch).await }))));
        }
        drop(queue);
        tokio::spawn(serve(turn));
        None
    }
}

/// A caller's side: when it is dropped, so is what came too late for it.
struct Awaited<'a, E: Errand> {
    errand: &'a Arc<E>,
    key: &'a str,
    receiver: oneshot::Receiver<Answer<E>>,
}

impl<E: Errand> Awaited<'_, E> {
    async fn answer(mut self) -> Answer<E> {
        (&mut self.receiver).await.unwrap_or_else(|_| {
            // Its task went down with the executor that it ran on.
            Err(BackendError::Unavailable("the read was stopped".into()))
        })
    }
}

impl<E: Errand> Drop for Awaited<'_, E> {
    fn drop(&mut self) {
        self.receiver.close();
        if let Ok(Ok(found)) = self.receiver.try_recv() {
            self.errand.take_back(self.key, found);
        }
    }
}

/// A batch of the caller's own, in its own task as long as it is there.
struct Own(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

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

/// A place among those under way; given on, or back, even by a task that is dropped.
struct Turn<E: Errand> {
    gathered: Arc<Gathered<E>>,
    is_held: bool,
}

impl<E: Errand> Turn<E> {
    /// The next batch; without one the place is given back, in the same step, so that no reader counts on it.
    fn next(&mut self) -> Option<Vec<Waiting<E::Found>>> {
        let mut queue = self.gathered.queue();
        if queue.waiting.is_empty() {
            queue.in_flight -= 1;
            self.is_held = false;
            return None;
        }
        Some(queue.batch())
    }
}

impl<E: Errand> Drop for Turn<E> {
    fn drop(&mut self) {
        if !self.is_held {
            return;
        }
        let mut queue = self.gathered.queue();
        if queue.waiting.is_empty() {
            queue.in_flight -= 1;
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            drop(queue);
            runtime.spawn(serve(Self { gathered: Arc::clone(&self.gathered), is_held: true }));
        } else {
            queue.in_flight -= 1;
            // Those who wait are told so by their senders.
            let stopped = std::mem::take(&mut queue.waiting);
            drop(queue);
            drop(stopped);
        }
    }
}

/// Sends batches as long as somebody waits.
async fn serve<E: Errand>(mut turn: Turn<E>) {
    loop {
        // Those who were answered come back first: else a batch would have only the few that came meanwhile.
        tokio::task::yield_now().await;
        let Some(batch) = turn.next() else { return };
        run(&turn.gathered, batch).await;
    }
}

/// A key of a batch.
struct Asked<'w> {
    key: &'w str,
    hash: u64,
    readers: usize,
}

async fn run<E: Errand>(gathered: &Gathered<E>, batch: Vec<Waiting<E::Found>>) {
    let mut asked: Vec<Asked<'_>> = Vec::with_capacity(batch.len());
    let mut places: HashTable<usize> = HashTable::with_capacity(batch.len());
    let mut place_of = Vec::with_capacity(batch.len());
    for Waiting { key, hash, answer, .. } in &batch {
        // Who went away before it began reads nothing.
        if answer.is_closed() {
            place_of.push(None);
            continue;
        }
        let is_same = |place: &usize| asked.get(*place).is_some_and(|asked| asked.key == &**key);
        let hash_of = |place: &usize| asked.get(*place).map_or(0, |asked| asked.hash);
        let place = *places.entry(*hash, is_same, hash_of).or_insert(asked.len()).get();
        match asked.get_mut(place) {
            Some(asked) => asked.readers += 1,
            None => asked.push(Asked { key, hash: *hash, readers: 1 }),
        }
        place_of.push(Some(place));
    }
    let keys: Vec<&str> = asked.iter().map(|asked| asked.key).collect();
    let found = gathered.errand.go(&keys).await;
    for (asked, found) in asked.iter().zip(&found) {
        if let Ok(found) = found {
            gathered.remember(asked.hash, found);
        }
    }
    let readers = asked.into_iter().map(|asked| asked.readers);
    let mut found: Vec<_> = found.into_iter().zip(readers).collect();
    for (waiting, place) in batch.into_iter().zip(place_of) {
        let Some(place) = place else { continue };
        let answer = match found.get_mut(place) {
            Some((Ok(found), readers)) => {
                *readers -= 1;
                Ok(E::share(found, *readers))
            }
            Some((Err(fault), _)) => Err(fault.clone().into()),
            None => Err(Fault::Answer.into()),
        };
        if let Err(Ok(found)) = waiting.answer.send(answer) {
            gathered.errand.take_back(&waiting.key, found);
        }
    }
}
