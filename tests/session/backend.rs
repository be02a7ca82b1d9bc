//! Memory that lets others come between any two steps, counts them, and fails where it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::{
    Backend, BackendError, Capabilities, Entry, ListOptions, ListPage, LocalKvNamespace, PutOptions,
    SetOutcome,
};
use tokio::task::yield_now;

#[derive(Clone)]
pub(crate) struct Watched {
    inner: LocalKvNamespace,
    atomic: bool,
    calls: Arc<AtomicUsize>,
    /// Which compare-and-set from now on fails; 0 for none.
    failing: Arc<AtomicUsize>,
}

impl Watched {
    /// With atomic changes.
    pub(crate) fn atomic(inner: LocalKvNamespace) -> Self {
        Self { inner, atomic: true, calls: Arc::default(), failing: Arc::default() }
    }

    /// With the five required methods and no capability.
    pub(crate) fn weak(inner: LocalKvNamespace) -> Self {
        Self { atomic: false, ..Self::atomic(inner) }
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    pub(crate) fn fail_compare_and_set(&self, which: usize) {
        self.failing.store(which, Ordering::SeqCst);
    }

    async fn step(&self) {
        self.calls.fetch_add(1, Ordering::SeqCst);
        yield_now().await;
    }
}

#[async_trait]
impl Backend for Watched {
    fn name(&self) -> &'static str {
        "watched"
    }

    fn capabilities(&self) -> Capabilities {
        let basic = Capabilities::basic();
        if self.atomic { basic.with_atomic() } else { basic }
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        self.step().await;
        let found = self.inner.get(key).await;
        yield_now().await;
        found
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        self.step().await;
        self.inner.put(key, value, options).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        self.step().await;
        self.inner.delete(key).await
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        self.step().await;
        self.inner.list(options).await
    }

    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        if self.atomic {
            self.step().await;
            return self.inner.touch(key, ttl).await;
        }
        let Some(entry) = self.get(key).await? else { return Ok(false) };
        self.put(key, entry.value, PutOptions { ttl, metadata: entry.metadata }).await?;
        Ok(true)
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        self.step().await;
        let before =
            self.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if before == Ok(1) {
            return Err(BackendError::Unavailable("as the test wants it".into()));
        }
        let stored = if self.atomic {
            self.inner.compare_and_set(key, expected, new, options).await?
        } else {
            let found = self.get(key).await?;
            let same = found.as_ref().map(|entry| entry.value.as_ref()) == expected;
            if same {
                self.put(key, new, options).await?;
            }
            same
        };
        yield_now().await;
        Ok(stored)
    }
}
