//! A backend that fails as it is told: memory, with a fault before it.

use std::collections::HashMap;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::testing::ManualClock;
use cache_runtime::{
    Backend, BackendError, Capabilities, Clock, Entry, InvalidationSink, Lease, ListOptions, ListPage,
    LocalKvNamespace, NativePut, PutOptions, Read, SetOutcome, StreamedEntry, ValueBody, WriteToken,
};

/// The operations of a backend, by the name of their method.
pub(crate) const OPERATIONS: [&str; 22] = [
    "get",
    "put",
    "delete",
    "list",
    "get_many",
    "put_many",
    "delete_many",
    "delete_prefix",
    "increment",
    "touch",
    "compare_and_set",
    "read",
    "read_many",
    "lease_over",
    "refresh_lease",
    "fill",
    "release",
    "begin_write",
    "renew_write",
    "finish_write",
    "get_stream",
    "put_native",
];

/// What an operation does instead of its work, or beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It answers with an error and has done nothing.
    Error,
    /// It does its work and answers with an error all the same.
    ErrorAfter,
    /// It never answers and has done nothing.
    Hang,
    /// It does its work and never answers.
    HangAfter,
    /// It is pending so many times before its work, and as often after.
    Pend(usize),
}

/// Memory with faults. Clones share both.
#[derive(Clone)]
pub(crate) struct Faulty {
    inner: LocalKvNamespace,
    faults: Arc<Mutex<HashMap<&'static str, Fault>>>,
    calls: Arc<AtomicUsize>,
}

impl Faulty {
    pub(crate) fn new(inner: LocalKvNamespace) -> Self {
        Self { inner, faults: Arc::default(), calls: Arc::default() }
    }

    /// Gives an operation a fault.
    pub(crate) fn set(&self, operation: &'static str, fault: Fault) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).insert(operation, fault);
    }

    /// Gives every operation a fault.
    pub(crate) fn set_all(&self, fault: Fault) {
        for operation in OPERATIONS {
            self.set(operation, fault);
        }
    }

    /// Takes every fault away.
    pub(crate) fn heal(&self) {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What the faults stand before.
    pub(crate) fn inner(&self) -> &LocalKvNamespace {
        &self.inner
    }

    /// How many operations were asked for so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    async fn run<T: Send>(
        &self,
        operation: &'static str,
        work: impl Future<Output = Result<T, BackendError>> + Send,
    ) -> Result<T, BackendError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).get(operation).copied();
        let broken = || Err(BackendError::Unavailable("the test says so".into()));
        match fault {
            None => work.await,
            Some(Fault::Error) => broken(),
            Some(Fault::ErrorAfter) => {
                work.await?;
                broken()
            }
            Some(Fault::Hang) => pending().await,
            Some(Fault::HangAfter) => {
                let answer = work.await;
                pending::<()>().await;
                answer
            }
            Some(Fault::Pend(times)) => {
                pend(times).await;
                let answer = work.await;
                pend(times).await;
                answer
            }
        }
    }
}

/// Is pending `times` times and wakes itself each time.
pub(crate) async fn pend(times: usize) {
    let mut left = times;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(());
        }
        left -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Awaits `call` and moves the clock a step of the service's timeout whenever nothing goes on. Returns the answer and
/// for how long it was waited.
pub(crate) async fn answer<T>(time: &ManualClock, call: impl Future<Output = T>) -> (T, Duration) {
    let mut call = pin!(call);
    for steps in 0..10 {
        for _ in 0..40 {
            let polled = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
            if let Poll::Ready(answer) = polled {
                return (answer, TIMEOUT * steps);
            }
            tokio::task::yield_now().await;
        }
        time.advance(TIMEOUT);
    }
    panic!("the call hangs");
}

/// The timeout of a service that was given none.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(2);

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Backend for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn capabilities(&self) -> Capabilities {
        // Every read shall meet the faults, so no tier may stand before them.
        let mut capabilities = self.inner.capabilities();
        capabilities.in_process = false;
        capabilities
    }

    async fn get(&self, key: &str) -> Result<Option<Entry>, BackendError> {
        self.run("get", self.inner.get(key)).await
    }

    async fn put(&self, key: &str, value: Bytes, options: PutOptions) -> Result<SetOutcome, BackendError> {
        self.run("put", self.inner.put(key, value, options)).await
    }

    async fn delete(&self, key: &str) -> Result<bool, BackendError> {
        self.run("delete", self.inner.delete(key)).await
    }

    async fn list(&self, options: ListOptions) -> Result<ListPage, BackendError> {
        self.run("list", self.inner.list(options)).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Entry>>, BackendError> {
        self.run("get_many", self.inner.get_many(keys)).await
    }

    async fn put_many(&self, entries: Vec<(String, Bytes, PutOptions)>) -> Result<(), BackendError> {
        self.run("put_many", self.inner.put_many(entries)).await
    }

    async fn delete_many(&self, keys: &[&str]) -> Result<u64, BackendError> {
        self.run("delete_many", self.inner.delete_many(keys)).await
    }

    async fn delete_prefix(&self, prefix: &str) -> Result<u64, BackendError> {
        self.run("delete_prefix", self.inner.delete_prefix(prefix)).await
    }

    async fn increment(&self, key: &str, by: i64, ttl_if_new: Option<Duration>) -> Result<i64, BackendError> {
        self.run("increment", self.inner.increment(key, by, ttl_if_new)).await
    }

    async fn touch(&self, key: &str, ttl: Option<Duration>) -> Result<bool, BackendError> {
        self.run("touch", self.inner.touch(key, ttl)).await
    }

    async fn compare_and_set(
        &self,
        key: &str,
        expected: Option<&[u8]>,
        new: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        self.run("compare_and_set", self.inner.compare_and_set(key, expected, new, options)).await
    }

    async fn read(&self, key: &str) -> Result<Read, BackendError> {
        self.run("read", self.inner.read(key)).await
    }

    async fn read_many(&self, keys: &[&str]) -> Result<Vec<Read>, BackendError> {
        self.run("read_many", self.inner.read_many(keys)).await
    }

    async fn lease_over(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        self.run("lease_over", self.inner.lease_over(key, seen)).await
    }

    async fn refresh_lease(&self, key: &str, seen: &Entry) -> Result<Option<Lease>, BackendError> {
        self.run("refresh_lease", self.inner.refresh_lease(key, seen)).await
    }

    async fn fill(
        &self,
        key: &str,
        lease: Option<Lease>,
        value: Bytes,
        options: PutOptions,
    ) -> Result<bool, BackendError> {
        self.run("fill", self.inner.fill(key, lease, value, options)).await
    }

    async fn release(&self, key: &str, lease: Lease) -> Result<(), BackendError> {
        self.run("release", self.inner.release(key, lease)).await
    }

    async fn begin_write(&self, keys: &[&str], life: Duration) -> Result<Option<WriteToken>, BackendError> {
        self.run("begin_write", self.inner.begin_write(keys, life)).await
    }

    async fn renew_write(
        &self,
        keys: &[&str],
        token: WriteToken,
        life: Duration,
    ) -> Result<u64, BackendError> {
        self.run("renew_write", self.inner.renew_write(keys, token, life)).await
    }

    async fn finish_write(
        &self,
        keys: &[&str],
        token: Option<WriteToken>,
        update: Option<(Bytes, PutOptions)>,
    ) -> Result<bool, BackendError> {
        self.run("finish_write", self.inner.finish_write(keys, token, update)).await
    }

    async fn get_stream(
        &self,
        key: &str,
        cache_ttl: Option<Duration>,
    ) -> Result<Option<StreamedEntry>, BackendError> {
        self.run("get_stream", self.inner.get_stream(key, cache_ttl)).await
    }

    async fn put_native(
        &self,
        key: &str,
        value: ValueBody,
        options: NativePut,
    ) -> Result<SetOutcome, BackendError> {
        self.run("put_native", self.inner.put_native(key, value, options)).await
    }

    fn clock(&self) -> Clock {
        self.inner.clock()
    }

    fn subscribe(&self, sink: Weak<dyn InvalidationSink>) -> bool {
        self.inner.subscribe(sink)
    }

    async fn health(&self) -> Result<(), BackendError> {
        self.run("health", self.inner.health()).await
    }
}
