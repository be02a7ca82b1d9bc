//! A backend that keeps nothing, so that the local tier is measured alone.

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::{
    Backend, BackendError, Capabilities, Entry, KvCacheService, ListOptions, ListPage, LocalTier, PutOptions,
    SetOutcome,
};

struct Nowhere;

#[async_trait]
impl Backend for Nowhere {
    fn name(&self) -> &'static str {
        "nowhere"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic()
    }

    async fn get(&self, _: &str) -> Result<Option<Entry>, BackendError> {
        Ok(None)
    }

    async fn put(&self, _: &str, _: Bytes, _: PutOptions) -> Result<SetOutcome, BackendError> {
        Ok(SetOutcome::Stored)
    }

    async fn delete(&self, _: &str) -> Result<bool, BackendError> {
        Ok(false)
    }

    async fn list(&self, _: ListOptions) -> Result<ListPage, BackendError> {
        Ok(ListPage { keys: Vec::new(), cursor: None })
    }
}

/// A cache that is only a local tier of so many entries.
pub fn local_tier_only(entries: usize) -> KvCacheService {
    KvCacheService::builder(std::sync::Arc::new(Nowhere))
        .local_tier(LocalTier::new(entries).local_ttl(std::time::Duration::MAX))
        .build()
        .expect("the default prefix is valid")
}
