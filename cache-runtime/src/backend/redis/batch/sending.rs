//! Sending what waits, and answering it.

use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::Poll;

use hashbrown::HashTable;

use super::super::fault::Fault;
use super::super::reads::MOST_KEYS;
use super::part::Part;
use super::{Errand, Gathered, PLACES, Waiting};

/// What is asked for together.
pub(super) struct Batch<E: Errand> {
    pub(super) parts: Vec<Part<E>>,
    pub(super) keys: usize,
}

impl<E: Errand> Batch<E> {
    /// Takes what waits in a place, as much as there is room for.
    pub(super) fn take(&mut self, waiting: &mut Waiting<E>) {
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
pub(super) struct Turn<E: Errand> {
    pub(super) gathered: Arc<Gathered<E>>,
    pub(super) is_held: bool,
    /// It was made for a task that has not run yet.
    pub(super) is_new: bool,
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
pub(super) async fn serve<E: Errand>(mut turn: Turn<E>) {
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

pub(super) async fn run<E: Errand>(gathered: &Gathered<E>, batch: Batch<E>) {
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
