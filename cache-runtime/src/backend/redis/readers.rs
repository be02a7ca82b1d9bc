//! Those who wait for a batch, each in a place of its own: one lock and one list for all of them.

use std::task::{Context, Poll, Waker};

use super::sync::{Mutex, MutexGuard, lock};

/// The readers of a batch.
pub(super) struct Readers<A>(Mutex<Vec<Reader<A>>>);

enum Reader<A> {
    Waits(Waker),
    Answered(A),
    /// It has its answer, or went away.
    Gone,
}

impl<A> Default for Readers<A> {
    fn default() -> Self {
        Self(Mutex::new(Vec::new()))
    }
}

impl<A> Readers<A> {
    fn all(&self) -> MutexGuard<'_, Vec<Reader<A>>> {
        // No foreign code runs under it but the clone of a waker, before anything is changed.
        lock(&self.0)
    }

    /// One more, who is woken when it is answered; its place.
    pub(super) fn add(&self, waker: Waker) -> usize {
        let mut all = self.all();
        all.push(Reader::Waits(waker));
        all.len() - 1
    }

    /// Of each whether it waits.
    pub(super) fn waiting(&self) -> Vec<bool> {
        self.all().iter().map(|reader| matches!(reader, Reader::Waits(_))).collect()
    }

    /// The answer, once.
    pub(super) fn poll(&self, place: usize, context: &Context<'_>) -> Poll<A> {
        let mut all = self.all();
        let Some(reader) = all.get_mut(place) else { return Poll::Pending };
        let before = match reader {
            Reader::Waits(before) if before.will_wake(context.waker()) => None,
            Reader::Waits(before) => Some(std::mem::replace(before, context.waker().clone())),
            _ => {
                return match std::mem::replace(reader, Reader::Gone) {
                    Reader::Answered(answer) => Poll::Ready(answer),
                    _ => Poll::Pending,
                };
            }
        };
        drop(all);
        drop(before);
        Poll::Pending
    }

    /// The reader goes away; the answer that came too late for it.
    pub(super) fn leave(&self, place: usize) -> Option<A> {
        let mut all = self.all();
        let reader = all.get_mut(place).map(|reader| std::mem::replace(reader, Reader::Gone));
        drop(all);
        match reader {
            Some(Reader::Answered(answer)) => Some(answer),
            _ => None,
        }
    }

    /// Answers each, in the order of their places. Returns the answers of those who went away, with their places.
    pub(super) fn answer(&self, answers: impl IntoIterator<Item = Option<A>>) -> Vec<(usize, A)> {
        let (mut wakers, mut left) = (Vec::new(), Vec::new());
        let mut all = self.all();
        wakers.reserve(all.len());
        for (place, (reader, answer)) in all.iter_mut().zip(answers).enumerate() {
            let Some(answer) = answer else { continue };
            if matches!(reader, Reader::Waits(_)) {
                if let Reader::Waits(waker) = std::mem::replace(reader, Reader::Answered(answer)) {
                    wakers.push(waker);
                }
            } else {
                left.push((place, answer));
            }
        }
        drop(all);
        wakers.into_iter().for_each(Waker::wake);
        left
    }

    /// Answers those who wait still.
    pub(super) fn stop(&self, answer: impl Fn() -> A) {
        let waiting = self.waiting();
        if waiting.contains(&true) {
            self.answer(waiting.into_iter().map(|waits| waits.then(&answer)));
        }
    }
}
