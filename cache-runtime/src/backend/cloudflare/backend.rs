//! What the contract of backends asks for, by the pieces of this module.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::{CloudflareBackend, listing, reads, writes};
use crate::backend::{
    Backend, Capabilities, Consistency, Entry, ListOptions, ListPage, NativePut, PutOptions, Read,
    SetOutcome, StreamedEntry, ValueBody,
};
use crate::clock::Clock;
use crate::error::BackendError;

/// How long a change may take to be seen everywhere, about.
const VISIBLE_WITHIN: Duration = Duration::from_mins(1);

#[async_trait]
impl Backend for CloudflareBackend {
    fn name(&self) -> &'static str {
        "cloudflare"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic().with_consistency(Consistency::Eventual(VISIBLE_WITHIN))
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        reads::get(&self.api, key).await
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        writes::put(&self.api, key, &value, &options).await.map(|()| SetOutcome::Stored)
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        writes::delete(&self.api, key).await
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        listing::list(&self.api, options).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        reads::get_many(&self.api, keys).await
    }

    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        writes::put_many(&self.api, &entries).await
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        writes::delete_many(&self.api, keys).await
    }

    async fn read_many(&self, keys: &[&str]) -> Result<Vec<Read>, BackendError> {
        let found = self.get_many(keys).await?;
        Ok(found.into_iter().map(|entry| entry.map_or(Read::Miss(None), Read::Hit)).collect())
    }

    async fn get_stream(
        &self,
        key: &str,
        _: Option<Duration>,
    ) -> Result<Option<StreamedEntry>, BackendError> {
        reads::get_stream(&self.api, key).await
    }

    async fn put_native(
        &self,
        key: &str,
        value: ValueBody,
        options: NativePut,
    ) -> Result<SetOutcome, BackendError> {
        writes::put_native(&self.api, key, value, options).await.map(|()| SetOutcome::Stored)
    }

    fn clock(&self) -> Clock {
        self.api.clock.clone()
    }
}
