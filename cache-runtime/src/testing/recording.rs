//! A backend that remembers what it was asked for.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::wrapped::{Around, Operation, Wrapped};
use crate::backend::Backend;
use crate::error::BackendError;

/// A backend that remembers which operations it was asked for, on which keys, in their order. No values.
///
/// ```
/// use std::sync::Arc;
/// use cache_runtime::testing::{Operation, RecordingBackend};
/// use cache_runtime::{KvCacheService, LocalKvNamespace};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_runtime::Result<()> {
/// let backend = RecordingBackend::new(LocalKvNamespace::new());
/// let cache = KvCacheService::builder(Arc::new(backend.clone())).build()?;
/// for _ in 0..2 {
///     cache.get_or_load("answer", 300, async || Ok::<_, std::fmt::Error>(42)).await.expect("it loads");
/// }
/// assert_eq!(backend.operations(), [Operation::Read, Operation::Fill, Operation::Read]);
/// assert_eq!(backend.records()[0].keys, ["app:answer"]);
/// # Ok(())
/// # }
/// ```
pub type RecordingBackend<B> = Wrapped<B, Recording>;

/// What a [`RecordingBackend`] remembers.
#[derive(Debug, Default)]
pub struct Recording(Mutex<Vec<Record>>);

/// An operation that a [`RecordingBackend`] was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// What was asked for.
    pub operation: Operation,
    /// The full keys, or the prefix of what was listed or removed.
    pub keys: Vec<String>,
    /// How it ended: `None` while it is under way, or if it was dropped.
    pub succeeded: Option<bool>,
}

impl Recording {
    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Around for Recording {
    async fn around<T: Send>(
        &self,
        operation: Operation,
        keys: &[&str],
        work: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        let place = {
            let keys = keys.iter().map(ToString::to_string).collect();
            let mut records = self.lock();
            records.push(Record { operation, keys, succeeded: None });
            records.len() - 1
        };
        let answer = work.await;
        // Gone if the records were forgotten meanwhile.
        if let Some(record) = self.lock().get_mut(place).filter(|record| record.operation == operation) {
            record.succeeded = Some(answer.is_ok());
        }
        answer
    }
}

impl<B: Backend> RecordingBackend<B> {
    /// Remembers what `inner` is asked for from now on.
    #[must_use]
    pub fn new(inner: B) -> Self {
        Self::over(Arc::new(inner))
    }
}

impl<B: Backend + ?Sized> RecordingBackend<B> {
    /// The same, over a backend that is shared already.
    #[must_use]
    pub fn over(inner: Arc<B>) -> Self {
        Self { inner, around: Arc::default() }
    }

    /// The operations so far, in the order in which they began.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.around.lock().iter().map(|record| record.operation).collect()
    }

    /// The same with their keys and their ends.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.around.lock().clone()
    }

    /// How often an operation was asked for.
    #[must_use]
    pub fn count(&self, operation: Operation) -> usize {
        self.around.lock().iter().filter(|record| record.operation == operation).count()
    }

    /// Forgets what there was so far.
    pub fn forget(&self) {
        self.around.lock().clear();
    }
}
