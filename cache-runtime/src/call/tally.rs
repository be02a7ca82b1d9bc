//! A count that many threads raise at once, each in a cell of its own.

use std::cell::Cell as Slot;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// How many threads have a cell to themselves; all further ones share the last.
const CELLS: usize = 32;

/// The numbers of threads that have ended, to be given out again, and the lowest that was never given out.
static NUMBERS: Mutex<(Vec<usize>, usize)> = Mutex::new((Vec::new(), 0));

thread_local! {
    /// This thread's number, less than [`CELLS`] if it is nobody else's.
    static NUMBER: Number = Number::take();
    /// The same, to be read without asking whether it is there: [`CELLS`] until it is taken.
    static OWN: Slot<usize> = const { Slot::new(CELLS) };
}

struct Number(usize);

impl Number {
    fn take() -> Self {
        let mut numbers = NUMBERS.lock().unwrap_or_else(PoisonError::into_inner);
        let (free, next) = &mut *numbers;
        let number = free.pop().unwrap_or(*next);
        *next = (*next).max(number + 1);
        Self(number)
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // What still runs on this thread shares.
        let _ = OWN.try_with(|own| own.set(CELLS));
        NUMBERS.lock().unwrap_or_else(PoisonError::into_inner).0.push(self.0);
    }
}

/// The count. Exact: no step is lost.
#[derive(Default)]
pub(super) struct Tally(OnceLock<Box<[Cell]>>);

/// Alone in its cache line, and in the one that the processor fetches with it.
#[derive(Default)]
#[repr(align(128))]
struct Cell(AtomicU64);

impl Tally {
    pub(super) const fn new() -> Self {
        Self(OnceLock::new())
    }

    /// Adds one.
    #[inline]
    pub(super) fn add_one(&self) {
        let own = OWN.try_with(Slot::get).unwrap_or(CELLS);
        match self.0.get().and_then(|cells| cells.get(own)) {
            // Nobody else writes here, so there need be no read-modify-write, which would wait for all that was
            // written before.
            Some(Cell(cell)) => cell.store(cell.load(Ordering::Relaxed) + 1, Ordering::Relaxed),
            None => self.add_shared(),
        }
    }

    /// The first time on this thread or of this count, and where there are more threads than cells.
    #[cold]
    fn add_shared(&self) {
        let number = NUMBER.try_with(|number| number.0).ok().filter(|number| *number < CELLS - 1);
        if let Some(number) = number {
            let _ = OWN.try_with(|own| own.set(number));
        }
        let cells = self.0.get_or_init(|| (0..CELLS).map(|_| Cell::default()).collect());
        if let Some(Cell(cell)) = cells.get(number.unwrap_or(CELLS - 1)) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The sum of what all threads have added.
    pub(super) fn sum(&self) -> u64 {
        self.0.get().map_or(0, |cells| cells.iter().map(|Cell(cell)| cell.load(Ordering::Relaxed)).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::{CELLS, Tally};

    #[test]
    fn no_step_of_any_thread_is_lost() {
        let tally = Tally::new();
        for _ in 0..3 {
            std::thread::scope(|scope| {
                for _ in 0..2 * CELLS {
                    scope.spawn(|| (0..1_000).for_each(|_| tally.add_one()));
                }
            });
        }
        assert_eq!(tally.sum(), 3 * 2 * CELLS as u64 * 1_000);
    }
}
