//! Those who wait for a batch, each in a place of its own: one lock and one list for all of them.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use super::sync::{Mutex, MutexGuard, lock};

/// The readers of a batch.
pub(super) struct Readers<A>(Mutex<All<A>>);

struct All<A> {
    readers: Vec<Reader<A>>,
    /// Their common alarm has gone off.
    is_rung: bool,
}

enum Reader<A> {
    Waits(Waker),
    Answered(A),
    /// It has its answer, or went away.
    Gone,
}

impl<A> Readers<A> {
    fn all(&self) -> MutexGuard<'_, All<A>> {
        // No foreign code runs under it but the clone of a waker, before anything is changed.
        lock(&self.0)
    }

    /// None yet, with room for so many.
    pub(super) fn with_capacity(readers: usize) -> Self {
        Self(Mutex::new(All { readers: Vec::with_capacity(readers), is_rung: false }))
    }

    /// One more, who is woken when it is answered; its place.
    pub(super) fn add(&self, waker: Waker) -> usize {
        let mut all = self.all();
        all.readers.push(Reader::Waits(waker));
        all.readers.len() - 1
    }

    /// Of each whether it waits.
    pub(super) fn waiting(&self) -> Vec<bool> {
        self.all().readers.iter().map(|reader| matches!(reader, Reader::Waits(_))).collect()
    }

    /// The answer, once; else whether the common alarm has gone off.
    pub(super) fn poll(&self, place: usize, context: &Context<'_>) -> Result<A, bool> {
        let mut all = self.all();
        let is_rung = all.is_rung;
        let Some(reader) = all.readers.get_mut(place) else { return Err(is_rung) };
        let before = match reader {
            Reader::Waits(before) if before.will_wake(context.waker()) => None,
            Reader::Waits(before) => Some(std::mem::replace(before, context.waker().clone())),
            _ => {
                return match std::mem::replace(reader, Reader::Gone) {
                    Reader::Answered(answer) => Ok(answer),
                    _ => Err(is_rung),
                };
            }
        };
        drop(all);
        drop(before);
        Err(is_rung)
    }

    /// The reader goes away; the answer that came too late for it.
    pub(super) fn leave(&self, place: usize) -> Option<A> {
        let mut all = self.all();
        let reader = all.readers.get_mut(place).map(|reader| std::mem::replace(reader, Reader::Gone));
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
        wakers.reserve(all.readers.len());
        for (place, (reader, answer)) in all.readers.iter_mut().zip(answers).enumerate() {
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

    /// The common alarm goes off: who waits still sees to its own time from now on.
    pub(super) fn ring(&self) {
        let mut all = self.all();
        all.is_rung = true;
        let wakers: Vec<Waker> = all.readers.iter().filter_map(Reader::waker).collect();
        drop(all);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Answers those who wait still.
    pub(super) fn stop(&self, answer: impl Fn() -> A) {
        let waiting = self.waiting();
        if waiting.contains(&true) {
            self.answer(waiting.into_iter().map(|waits| waits.then(&answer)));
        }
    }
}

impl<A> Reader<A> {
    fn waker(&self) -> Option<Waker> {
        match self {
            Self::Waits(waker) => Some(waker.clone()),
            _ => None,
        }
    }
}

impl<A: Send + 'static> Wake for Readers<A> {
    fn wake(self: Arc<Self>) {
        self.ring();
    }
}
