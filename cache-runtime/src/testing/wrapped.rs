//! A backend with something around each of its operations.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::backend::{
    Backend, Capabilities, Decision, Entry, InvalidationSink, Lease, ListOptions, ListPage, Looking,
    NativePut, Pushes, PutOptions, Quota, Read, SetOutcome, StreamedEntry, ValueBody, WriteToken,
};
use crate::clock::Clock;
use crate::error::BackendError;
use crate::rt;

/// An operation of a [`Backend`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the method of its name")]
#[non_exhaustive]
pub enum Operation {
    Get,
    Put,
    Delete,
    List,
    GetMany,
    PutMany,
    DeleteMany,
    DeletePrefix,
    Increment,
    Touch,
    CompareAndSet,
    Admit,
    Read,
    ReadMany,
    ReadAbsent,
    Look,
    LookMany,
    LeaseOver,
    RefreshLease,
    Fill,
    Release,
    BeginWrite,
    RenewWrite,
    FinishWrite,
    GetStream,
    PutNative,
    Health,
}

impl Operation {
    /// Each of them.
    pub const ALL: [Self; 27] = [
        Self::Get,
        Self::Put,
        Self::Delete,
        Self::List,
        Self::GetMany,
        Self::PutMany,
        Self::DeleteMany,
        Self::DeletePrefix,
        Self::Increment,
        Self::Touch,
        Self::CompareAndSet,
        Self::Admit,
        Self::Read,
        Self::ReadMany,
        Self::ReadAbsent,
        Self::Look,
        Self::LookMany,
        Self::LeaseOver,
        Self::RefreshLease,
        Self::Fill,
        Self::Release,
        Self::BeginWrite,
        Self::RenewWrite,
        Self::FinishWrite,
        Self::GetStream,
        Self::PutNative,
        Self::Health,
    ];
}

/// What is around the operations of a [`Wrapped`] backend.
pub trait Around: Send + Sync + 'static {
    /// Does `work`, or something else, or both.
    #[doc(hidden)]
    fn around<T: Send>(
        &self,
        operation: Operation,
        keys: &[&str],
        work: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> impl Future<Output = Result<T, BackendError>> + Send;
}

/// A backend with something around each operation: a [`FaultyBackend`](super::FaultyBackend) or a
/// [`RecordingBackend`](super::RecordingBackend). Clones share both.
///
/// It says that its bytes live elsewhere ([`Capabilities::in_process`]), so that no local tier stands before it unless
/// one is asked for, and every call meets it.
pub struct Wrapped<B: ?Sized, A> {
    pub(super) inner: Arc<B>,
    pub(super) around: Arc<A>,
}

impl<B: Backend + ?Sized, A> Wrapped<B, A> {
    /// What is wrapped.
    #[must_use]
    pub fn inner(&self) -> &B {
        &self.inner
    }
}

impl<B: ?Sized, A> Clone for Wrapped<B, A> {
    fn clone(&self) -> Self {
        Self { inner: Arc::clone(&self.inner), around: Arc::clone(&self.around) }
    }
}

impl<B: Backend + ?Sized, A: fmt::Debug> fmt::Debug for Wrapped<B, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").field("backend", &self.inner.name()).field("around", &self.around).finish()
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<B: Backend + ?Sized, A: Around> Backend for Wrapped<B, A> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        let mut capabilities = self.inner.capabilities();
        capabilities.in_process = false;
        capabilities
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        self.around.around(Operation::Get, &[key], self.inner.get(key)).await
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        self.around.around(Operation::Put, &[key], self.inner.put(key, value, options)).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        self.around.around(Operation::Delete, &[key], self.inner.delete(key)).await
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        let prefix = options.prefix.clone();
        self.around.around(Operation::List, &[&prefix], self.inner.list(options)).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        self.around.around(Operation::GetMany, keys, self.inner.get_many(keys)).await
    }

    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        let keys: Vec<String> = entries.iter().map(|(key, ..)| key.clone()).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        self.around.around(Operation::PutMany, &keys, self.inner.put_many(entries)).await
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        self.around.around(Operation::DeleteMany, keys, self.inner.delete_many(keys)).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, BackendError> {
        self.around.around(Operation::DeletePrefix, &[prefix], self.inner.delete_prefix(prefix)).await
    }

    async fn increment(&self, key: &str, by: i64, ttl_if_new: Option<Duration>) -> Result<i64, BackendError> {
        self.around.around(Operation::Increment, &[key], self.inner.increment(key, by, ttl_if_new)).await
    }

    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        self.around.around(Operation::Touch, &[key], self.inner.touch(key, ttl)).await
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        let work = self.inner.compare_and_set(key, expected, new, options);
        self.around.around(Operation::CompareAndSet, &[key], work).await
    }

    async fn admit(&self, key: &str, cost: u32, quota: Quota) -> Result<Decision, BackendError> {
        self.around.around(Operation::Admit, &[key], self.inner.admit(key, cost, quota)).await
    }

    async fn read(&self, key: &str) -> Result<Read, BackendError> {
        self.around.around(Operation::Read, &[key], self.inner.read(key)).await
    }

    async fn read_many(&self, keys: &[&str]) -> Result<Vec<Read>, BackendError> {
        self.around.around(Operation::ReadMany, keys, self.inner.read_many(keys)).await
    }

    fn look<'a>(&'a self, key: &'a str, limit: Duration) -> Looking<'a> {
        Looking::new(Box::pin(async move {
            let (keys, clock) = ([key], self.clock());
            let looks = self.around.around(Operation::Look, &keys, self.inner.look(key, limit));
            rt::within(&clock, limit, pin!(looks)).await
        }))
    }

    async fn look_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        self.around.around(Operation::LookMany, keys, self.inner.look_many(keys)).await
    }

    async fn read_absent(&self, key: &str) -> Result<Read, BackendError> {
        self.around.around(Operation::ReadAbsent, &[key], self.inner.read_absent(key)).await
    }

    async fn lease_over(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        self.around.around(Operation::LeaseOver, &[key], self.inner.lease_over(key, seen)).await
    }

    async fn refresh_lease(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        self.around.around(Operation::RefreshLease, &[key], self.inner.refresh_lease(key, seen)).await
    }

    async fn fill(
        &self,
        key: &str,
        lease: Option<Lease>,
        value: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        self.around.around(Operation::Fill, &[key], self.inner.fill(key, lease, value, options)).await
    }

    async fn release(&self, key: &str, lease: Lease) -> Result<(), BackendError> {
        self.around.around(Operation::Release, &[key], self.inner.release(key, lease)).await
    }

    async fn begin_write(&self, keys: &[&str], life: Duration) -> Result<Option<WriteToken>, BackendError> {
        self.around.around(Operation::BeginWrite, keys, self.inner.begin_write(keys, life)).await
    }

    async fn renew_write(
        &self,
        keys: &[&str],
        token: WriteToken,
        life: Duration,
    ) -> Result<u64, BackendError> {
        self.around.around(Operation::RenewWrite, keys, self.inner.renew_write(keys, token, life)).await
    }

    async fn finish_write(
        &self,
        keys: &[&str],
        token: Option<WriteToken>,
        update: Option<(Bytes, PutOptions)>,
    ) -> Result<bool, BackendError> {
        self.around.around(Operation::FinishWrite, keys, self.inner.finish_write(keys, token, update)).await
    }

    async fn get_stream(
        &self,
        key: &str,
        cache_ttl: Option<Duration>,
    ) -> Result<Option<StreamedEntry>, BackendError> {
        self.around.around(Operation::GetStream, &[key], self.inner.get_stream(key, cache_ttl)).await
    }

    async fn put_native(
        &self,
        key: &str,
        value: ValueBody,
        options: NativePut,
    ) -> Result<SetOutcome, BackendError> {
        self.around.around(Operation::PutNative, &[key], self.inner.put_native(key, value, options)).await
    }

    fn clock(&self) -> Clock {
        self.inner.clock()
    }

    fn subscribe(&self, sink: Weak<dyn InvalidationSink>) -> bool {
        self.inner.subscribe(sink)
    }

    fn watch(&self, prefix: &str, sink: Weak<dyn InvalidationSink>) -> Option<Arc<Pushes>> {
        self.inner.watch(prefix, sink)
    }

    async fn recall(&self, keys: &[&str]) -> Result<(), BackendError> {
        self.inner.recall(keys).await
    }

    async fn health(&self) -> Result<(), BackendError> {
        self.around.around(Operation::Health, &[], self.inner.health()).await
    }
}
