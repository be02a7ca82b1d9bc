//! A backend that is atomic and leaves to the provided methods what it can.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::{
    Backend, BackendError, Capabilities, Entry, ListOptions, ListPage, LocalKvNamespace, PutOptions,
    SetOutcome,
};

/// Memory, by its values alone: without leases, without quotas of its own.
pub(crate) struct Provided(pub(crate) LocalKvNamespace);

#[async_trait]
impl Backend for Provided {
    fn name(&self) -> &'static str {
        "provided"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic().with_atomic()
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        self.0.get(key).await
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        self.0.put(key, value, options).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        self.0.delete(key).await
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        self.0.list(options).await
    }

    async fn increment(&self, key: &str, by: i64, ttl_if_new: Option<Duration>) -> Result<i64, BackendError> {
        self.0.increment(key, by, ttl_if_new).await
    }

    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        self.0.touch(key, ttl).await
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        // Others come between the look and the change.
        tokio::task::yield_now().await;
        self.0.compare_and_set(key, expected, new, options).await
    }
}
