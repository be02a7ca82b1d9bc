//! A backend that can do the least: no counters, no leases, no capability. For the test targets that need one.

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::{
    Backend, BackendError, Capabilities, Entry, ListOptions, ListPage, LocalKvNamespace, PutOptions,
    SetOutcome,
};

/// Memory, by the five required methods.
#[derive(Default)]
pub(crate) struct Plain(pub(crate) LocalKvNamespace);

#[async_trait]
impl Backend for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic()
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
}
