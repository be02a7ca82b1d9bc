//! A backend that fails as it is told.

use std::collections::HashMap;
use std::future::{Future, pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::time::Duration;

use super::chance::Chance;
use super::wrapped::{Around, Operation, Wrapped};
use crate::backend::Backend;
use crate::clock::Clock;
use crate::error::BackendError;

/// What an operation does instead of its work, or beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It answers with an error and has done nothing.
    Error,
    /// It does its work and answers with an error all the same: a lost reply.
    ErrorAfter,
    /// It never answers and has done nothing.
    Hang,
    /// It does its work and never answers.
    HangAfter,
    /// It is pending so many times before its work, and as often after.
    Pend(usize),
    /// It takes so long before its work, on the clock of the backend.
    Delay(Duration),
}

/// A backend that fails as it is told: an operation by its own fault, or some operations by chance.
///
/// ```
/// use std::sync::Arc;
/// use cache_runtime::testing::{Fault, FaultyBackend, Operation};
/// use cache_runtime::{KvCacheService, LocalKvNamespace};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_runtime::Result<()> {
/// let backend = FaultyBackend::new(LocalKvNamespace::new());
/// let cache = KvCacheService::builder(Arc::new(backend.clone())).build()?;
/// backend.set(Operation::Read, Fault::Error);
/// // The cached call goes on without its cache.
/// let answer = cache.get_or_load("answer", 300, async || Ok::<_, std::fmt::Error>(42)).await;
/// assert_eq!(answer, Ok(42));
/// backend.heal();
/// # Ok(())
/// # }
/// ```
pub type FaultyBackend<B> = Wrapped<B, Faults>;

/// The faults of a [`FaultyBackend`].
#[derive(Debug)]
pub struct Faults {
    clock: Clock,
    state: Mutex<State>,
    calls: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    rules: HashMap<Operation, Fault>,
    by_chance: Option<ByChance>,
}

/// Faults by chance, the same for the same seed and the same order of operations.
#[derive(Debug)]
struct ByChance {
    chance: Chance,
    percent: u8,
    faults: Vec<Fault>,
}

impl ByChance {
    fn next(&mut self) -> Option<Fault> {
        if self.chance.draw() % 100 >= u64::from(self.percent) {
            return None;
        }
        let place = self.chance.draw() % self.faults.len().max(1) as u64;
        self.faults.get(usize::try_from(place).unwrap_or_default()).copied()
    }
}

impl Faults {
    fn next(&self, operation: Operation) -> Option<Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let rule = state.rules.get(&operation).copied();
        rule.or_else(|| state.by_chance.as_mut().and_then(ByChance::next))
    }
}

impl Around for Faults {
    async fn around<T: Send>(
        &self,
        operation: Operation,
        _: &[&str],
        work: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let broken = || Err(BackendError::Unavailable("the test says so".into()));
        match self.next(operation) {
            None => work.await,
            Some(Fault::Error) => broken(),
            Some(Fault::ErrorAfter) => {
                work.await?;
                broken()
            }
            Some(Fault::Hang) => pending().await,
            Some(Fault::HangAfter) => {
                let answer = work.await;
                pending::<()>().await;
                answer
            }
            Some(Fault::Pend(times)) => {
                pend(times).await;
                let answer = work.await;
                pend(times).await;
                answer
            }
            Some(Fault::Delay(length)) => {
                self.clock.sleep(length).await;
                work.await
            }
        }
    }
}

impl<B: Backend> FaultyBackend<B> {
    /// A backend that does as `inner` until it is told otherwise.
    #[must_use]
    pub fn new(inner: B) -> Self {
        Self::over(Arc::new(inner))
    }
}

impl<B: Backend + ?Sized> FaultyBackend<B> {
    /// The same, over a backend that is shared already.
    #[must_use]
    pub fn over(inner: Arc<B>) -> Self {
        let clock = inner.clock();
        let faults = Faults { clock, state: Mutex::default(), calls: AtomicUsize::new(0) };
        Self { inner, around: Arc::new(faults) }
    }

    /// Gives an operation a fault.
    pub fn set(&self, operation: Operation, fault: Fault) {
        self.change(|state| {
            state.rules.insert(operation, fault);
        });
    }

    /// Gives every operation a fault.
    pub fn set_all(&self, fault: Fault) {
        self.change(|state| state.rules.extend(Operation::ALL.map(|operation| (operation, fault))));
    }

    /// Gives so many percent of the operations that have no fault of their own one of these, by chance: the same ones
    /// for the same seed.
    pub fn set_by_chance(&self, seed: u64, percent: u8, faults: impl Into<Vec<Fault>>) {
        let chance = Chance::new(seed);
        self.change(|state| state.by_chance = Some(ByChance { chance, percent, faults: faults.into() }));
    }

    /// Takes every fault away.
    pub fn heal(&self) {
        self.change(|state| *state = State::default());
    }

    /// How many operations were asked for so far.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.around.calls.load(Ordering::Relaxed)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.around.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Is pending `times` times and wakes itself each time.
async fn pend(times: usize) {
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
