//! The [`Backend`] of memory: checks the request, then does it under one lock.

use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use super::LocalKvNamespace;
use crate::backend::limits::{self, Request};
use crate::backend::{
    Backend, Capabilities, Decision, Entry, InvalidationSink, Lease, ListOptions, ListPage, Looking,
    NativePut, Pushes, PutOptions, Quota, Read, SetOutcome, StreamedEntry, ValueBody, WriteToken,
};
use crate::clock::Clock;
use crate::error::BackendError;

impl LocalKvNamespace {
    fn check_ttl(&self, ttl: Option<Duration>) -> Result<Option<Duration>, BackendError> {
        limits::check_ttl(ttl, self.0.cloudflare)
    }

    fn check_put(&self, key: &str, value: &[u8], options: PutOptions) -> Result<PutOptions, BackendError> {
        limits::check_put(key, value, &options)?;
        Ok(PutOptions { ttl: self.check_ttl(options.ttl)?, ..options })
    }
}

/// Under a barrier `put`, `touch` and `compare_and_set` store nothing (the latter two answer `false`),
/// `increment` and `admit` are errors, and `delete` finds nothing; each of them keeps the writer's own update from being
/// stored.
#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for LocalKvNamespace {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities {
        let all = Capabilities::basic().with_atomic().with_leases_and_barriers().with_in_process();
        if self.0.cloudflare { all.with_minimum_ttl(limits::MINIMUM_TTL) } else { all }
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        Request::Get.check_key(key)?;
        Ok(self.look(|state, now| state.get(key, now)))
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        let options = self.check_put(key, &value, options)?;
        Ok(self.change(|state, now| state.put(key, value, options, now)))
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        Request::Delete.check_key(key)?;
        Ok(self.change(|state, now| state.delete(key, now)))
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        let ListOptions { prefix, limit, cursor } = options;
        Request::Get.check_length(&prefix)?;
        let size = limits::page_size(limit, self.0.cloudflare)?;
        Ok(self.look(|state, now| state.list(&prefix, size, cursor.as_deref(), now)))
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        Request::Get.check_keys(keys)?;
        Ok(self.look(|state, now| keys.iter().map(|key| state.get(key, now)).collect()))
    }

    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        let check = |(key, value, options): (String, Bytes, PutOptions)| {
            let options = self.check_put(&key, &value, options)?;
            Ok((key, value, options))
        };
        let entries: Vec<_> = entries.into_iter().map(check).collect::<Result<_, BackendError>>()?;
        self.change(|state, now| {
            for (key, value, options) in entries {
                let _ = state.put(&key, value, options, now);
            }
        });
        Ok(())
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        Request::Delete.check_keys(keys)?;
        Ok(self.change(|state, now| keys.iter().map(|key| u64::from(state.delete(key, now))).sum()))
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, BackendError> {
        Request::Delete.check_length(prefix)?;
        Ok(self.change(|state, now| state.delete_prefix(prefix, now)))
    }

    async fn increment(&self, key: &str, by: i64, ttl_if_new: Option<Duration>) -> Result<i64, BackendError> {
        Request::Put.check_key(key)?;
        let ttl_if_new = self.check_ttl(ttl_if_new)?;
        self.change(|state, now| state.increment(key, by, ttl_if_new, now))
    }

    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        Request::Put.check_key(key)?;
        let ttl = self.check_ttl(ttl)?;
        Ok(self.change(|state, now| state.touch(key, ttl, now)))
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        let options = self.check_put(key, &new, options)?;
        Ok(self.change(|state, now| state.compare_and_set(key, expected, new, options, now)))
    }

    async fn admit(&self, key: &str, cost: u32, quota: Quota) -> Result<Decision, BackendError> {
        Request::Put.check_key(key)?;
        self.change(|state, now| state.admit(key, cost, quota, now))
    }

    async fn read(&self, key: &str) -> Result<Read, BackendError> {
        Request::Get.check_key(key)?;
        Ok(self.change(|state, now| state.read(key, now)))
    }

    async fn read_many(&self, keys: &[&str]) -> Result<Vec<Read>, BackendError> {
        Request::Get.check_keys(keys)?;
        Ok(self.change(|state, now| keys.iter().map(|key| state.read(key, now)).collect()))
    }

    fn look<'a>(&'a self, key: &'a str, _: Duration) -> Looking<'a> {
        Looking::new(self.get(key))
    }

    async fn look_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        self.get_many(keys).await
    }

    async fn read_absent(&self, key: &str) -> Result<Read, BackendError> {
        self.read(key).await
    }

    async fn lease_over(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        Request::Get.check_key(key)?;
        Ok(self.change(|state, now| state.lease_over(key, seen, now)))
    }

    async fn refresh_lease(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        Request::Get.check_key(key)?;
        Ok(self.change(|state, now| state.refresh_lease(key, seen, now)))
    }

    async fn fill(
        &self,
        key: &str,
        lease: Option<Lease>,
        value: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        let checked = self.check_put(key, &value, options);
        self.change(|state, now| match checked {
            Ok(options) => Ok(state.fill(key, lease.as_ref(), value, options, now)),
            Err(refusal) => {
                // The lease is spent all the same: the next reader need not wait for its end.
                if let Some(lease) = &lease {
                    state.release(key, lease, now);
                }
                Err(refusal)
            }
        })
    }

    async fn release(&self, key: &str, lease: Lease) -> Result<(), BackendError> {
        Request::Delete.check_key(key)?;
        self.change(|state, now| state.release(key, &lease, now));
        Ok(())
    }

    async fn begin_write(&self, keys: &[&str], life: Duration) -> Result<Option<WriteToken>, BackendError> {
        Request::Put.check_keys(keys)?;
        Ok(Some(self.change(|state, now| state.begin_write(keys, life, now))))
    }

    async fn renew_write(
        &self,
        keys: &[&str],
        token: WriteToken,
        life: Duration,
    ) -> Result<u64, BackendError> {
        Request::Put.check_keys(keys)?;
        Ok(self.change(|state, now| state.renew_write(keys, token, life, now)))
    }

    async fn finish_write(
        &self,
        keys: &[&str],
        token: Option<WriteToken>,
        update: Option<(Bytes, PutOptions)>,
    ) -> Result<bool, BackendError> {
        Request::Put.check_keys(keys)?;
        let checked = match (keys, update) {
            ([key], Some((value, options))) => {
                self.check_put(key, &value, options).map(|options| Some((value, options)))
            }
            _ => Ok(None),
        };
        // A refused update ends the write all the same.
        let (update, refusal) =
            checked.map_or_else(|refusal| (None, Err(refusal)), |update| (update, Ok(())));
        let stored = self.change(|state, now| state.finish_write(keys, token, update, now));
        refusal.map(|()| stored)
    }

    async fn get_stream(
        &self,
        key: &str,
        _: Option<Duration>,
    ) -> Result<Option<StreamedEntry>, BackendError> {
        Ok(self.get(key).await?.map(StreamedEntry::from))
    }

    async fn put_native(
        &self,
        key: &str,
        value: ValueBody,
        options: NativePut,
    ) -> Result<SetOutcome, BackendError> {
        Request::Put.check_key(key)?;
        let value = value.collect().await?;
        let ttl = limits::check_expiration(options.expiration, &self.0.clock, self.0.cloudflare)?;
        let options = PutOptions { ttl, metadata: options.metadata };
        limits::check_put(key, &value, &options)?;
        Ok(self.change(|state, now| state.put(key, value, options, now)))
    }

    fn clock(&self) -> Clock {
        self.0.clock.clone()
    }

    fn subscribe(&self, sink: Weak<dyn InvalidationSink>) -> bool {
        self.look(|state, _| state.subscribe(sink));
        true
    }

    fn watch(&self, _: &str, _: Weak<dyn InvalidationSink>) -> Option<Arc<Pushes>> {
        // `subscribe` tells sooner.
        None
    }

    async fn recall(&self, _: &[&str]) -> Result<(), BackendError> {
        Ok(())
    }

    async fn health(&self) -> Result<(), BackendError> {
        Ok(())
    }
}
