//! What the contract of backends asks for, by the pieces of this module.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::listing::{self, Look};
use super::{Gathering, RedisBackend, quota, reads, writes};
use crate::backend::{
    Backend, Capabilities, Consistency, Decision, Entry, InvalidationSink, Lease, ListOptions, ListPage,
    Looking, Pushes, PutOptions, Quota, Read, SetOutcome, WriteToken,
};
use crate::error::BackendError;

/// In errors, logs and metrics.
pub(super) const NAME: &str = "redis";

impl RedisBackend {
    #[inline]
    fn start_tracking(&self) {
        if let Some(tracking) = &self.tracking {
            tracking.start();
        }
    }
}

#[async_trait]
impl Backend for RedisBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        let capabilities = Capabilities::basic()
            .with_atomic()
            .with_leases_and_barriers()
            .with_shared_looks()
            .with_consistency(Consistency::Linearizable)
            .with_minimum_ttl(Duration::from_millis(1));
        let capabilities = if self.tracking.is_some() { capabilities.with_pushes() } else { capabilities };
        if self.servers.tells_epochs() { capabilities.with_epoch() } else { capabilities }
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        reads::get(&self.servers, key).await
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        let outcomes = writes::put(&self.servers, &[(key, &value, &options)]).await?;
        Ok(outcomes.first().copied().unwrap_or(SetOutcome::Superseded))
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        Ok(writes::delete(&self.servers, &[key]).await? > 0)
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        listing::list(&self.servers, options, Look::States).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        reads::get_many(&self.servers, keys).await
    }

    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        let entries: Vec<_> =
            entries.iter().map(|(key, value, options)| (key.as_str(), value, options)).collect();
        writes::put(&self.servers, &entries).await.map(drop)
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        writes::delete(&self.servers, keys).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, BackendError> {
        listing::delete_prefix(&self.servers, prefix).await
    }

    async fn increment(&self, key: &str, by: i64, ttl_if_new: Option<Duration>) -> Result<i64, BackendError> {
        writes::increment(&self.servers, key, by, ttl_if_new).await
    }

    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        writes::touch(&self.servers, key, ttl).await
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        writes::compare_and_set(&self.servers, key, expected, &new, &options).await
    }

    async fn admit(&self, key: &str, cost: u32, quota: Quota) -> Result<Decision, BackendError> {
        quota::admit(&self.servers, key, cost, quota).await
    }

    async fn read(&self, key: &str) -> Result<Read, BackendError> {
        self.start_tracking();
        self.reads.read(key, None).await
    }

    async fn read_many(&self, keys: &[&str]) -> Result<Vec<Read>, BackendError> {
        self.start_tracking();
        let answers = self.reads.read_many(keys).await;
        if answers.iter().all(Result::is_ok) {
            return answers.into_iter().collect();
        }
        // Who gets an error fills nothing, so the leases go back.
        let mut failed = Ok(Vec::new());
        for (key, answer) in keys.iter().zip(answers) {
            match answer {
                Ok(Read::Miss(Some(lease))) => drop(self.release(key, lease).await),
                Ok(_) => {}
                Err(error) => failed = Err(error),
            }
        }
        failed
    }

    fn look<'a>(&'a self, key: &'a str, limit: Duration) -> Looking<'a> {
        Looking::gathered(Gathering(self.looks.read(key, Some(limit))))
    }

    async fn look_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        self.looks.read_many(keys).await.into_iter().collect()
    }

    async fn read_absent(&self, key: &str) -> Result<Read, BackendError> {
        self.start_tracking();
        self.absent.read(key, None).await
    }

    async fn lease_over(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        writes::lease_over(&self.servers, &self.held, key, seen).await
    }

    async fn refresh_lease(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        writes::refresh_lease(&self.servers, &self.held, key, seen).await
    }

    async fn fill(
        &self,
        key: &str,
        lease: Option<Lease>,
        value: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        writes::fill(&self.servers, &self.held, key, lease, &value, &options).await
    }

    async fn release(&self, key: &str, lease: Lease) -> Result<(), BackendError> {
        writes::release(&self.servers, &self.held, key, lease).await
    }

    async fn begin_write(&self, keys: &[&str], life: Duration) -> Result<Option<WriteToken>, BackendError> {
        writes::begin_write(&self.servers, keys, life).await.map(Some)
    }

    async fn renew_write(
        &self,
        keys: &[&str],
        token: WriteToken,
        life: Duration,
    ) -> Result<u64, BackendError> {
        writes::renew_write(&self.servers, keys, token, life).await
    }

    async fn finish_write(
        &self,
        keys: &[&str],
        token: Option<WriteToken>,
        update: Option<(Bytes, PutOptions)>,
    ) -> Result<bool, BackendError> {
        writes::finish_write(&self.servers, keys, token, update).await
    }

    fn watch(&self, prefix: &str, sink: Weak<dyn InvalidationSink>) -> Option<Arc<Pushes>> {
        self.tracking.as_ref().map(|tracking| tracking.watch(prefix, sink))
    }

    async fn recall(&self, keys: &[&str]) -> Result<(), BackendError> {
        match &self.tracking {
            Some(tracking) => tracking.recall(keys).await,
            None => Ok(()),
        }
    }

    async fn health(&self) -> Result<(), BackendError> {
        Ok(self.servers.ping().await?)
    }
}
