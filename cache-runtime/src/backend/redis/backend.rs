//! What the contract of backends asks for, by the pieces of this module.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use redis::Pipeline;

use super::connection::Again;
use super::scripts::Script;
use super::{RedisBackend, listing, reads, reply, writes};
use crate::backend::{
    Backend, Capabilities, Consistency, Entry, Lease, ListOptions, ListPage, PutOptions, Read, SetOutcome,
    WriteToken,
};
use crate::error::BackendError;

/// In errors, logs and metrics.
pub(super) const NAME: &str = "redis";

#[async_trait]
impl Backend for RedisBackend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::basic()
            .with_atomic()
            .with_leases_and_barriers()
            .with_consistency(Consistency::Linearizable)
            .with_minimum_ttl(Duration::from_millis(1))
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        reads::get(&self.link, key).await
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        let outcomes = writes::put(&self.link, &[(key, &value, &options)]).await?;
        Ok(outcomes.first().copied().unwrap_or(SetOutcome::Superseded))
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        Ok(writes::delete(&self.link, &[key], Script::Delete).await? > 0)
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        listing::list(&self.link, options).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        reads::get_many(&self.link, keys).await
    }

    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        let entries: Vec<_> =
            entries.iter().map(|(key, value, options)| (key.as_str(), value, options)).collect();
        writes::put(&self.link, &entries).await.map(drop)
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        writes::delete(&self.link, keys, Script::Delete).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, BackendError> {
        listing::delete_prefix(&self.link, prefix).await
    }

    async fn increment(&self, key: &str, by: i64, ttl_if_new: Option<Duration>) -> Result<i64, BackendError> {
        writes::increment(&self.link, key, by, ttl_if_new).await
    }

    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        writes::touch(&self.link, key, ttl).await
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        writes::compare_and_set(&self.link, key, expected, &new, &options).await
    }

    async fn read(&self, key: &str) -> Result<Read, BackendError> {
        self.reads.read(key).await
    }

    async fn read_many(&self, keys: &[&str]) -> Result<Vec<Read>, BackendError> {
        let answers = join_all(keys.iter().map(|key| self.reads.read(key))).await;
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

    async fn lease_over(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        writes::lease_over(&self.link, &self.held, key, seen).await
    }

    async fn refresh_lease(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        writes::refresh_lease(&self.link, &self.held, key, seen).await
    }

    async fn fill(
        &self,
        key: &str,
        lease: Option<Lease>,
        value: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        writes::fill(&self.link, &self.held, key, lease, &value, &options).await
    }

    async fn release(&self, key: &str, lease: Lease) -> Result<(), BackendError> {
        writes::release(&self.link, &self.held, key, lease).await
    }

    async fn begin_write(&self, keys: &[&str], life: Duration) -> Result<Option<WriteToken>, BackendError> {
        writes::begin_write(&self.link, keys, life).await.map(Some)
    }

    async fn renew_write(
        &self,
        keys: &[&str],
        token: WriteToken,
        life: Duration,
    ) -> Result<u64, BackendError> {
        writes::renew_write(&self.link, keys, token, life).await
    }

    async fn finish_write(
        &self,
        keys: &[&str],
        token: Option<WriteToken>,
        update: Option<(Bytes, PutOptions)>,
    ) -> Result<bool, BackendError> {
        writes::finish_write(&self.link, keys, token, update).await
    }

    async fn health(&self) -> Result<(), BackendError> {
        let build = |_: &_| {
            let mut pipeline = Pipeline::new();
            pipeline.cmd("PING");
            pipeline
        };
        let (_, mut answers) = self.link.call(Again::May, build).await?;
        reply::text(answers.pop().unwrap_or_default())?;
        Ok(())
    }
}
