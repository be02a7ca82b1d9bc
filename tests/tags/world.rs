//! Two processes over one store, and a source that changes.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use cache_runtime::{
    Backend, BackendError, Capabilities, Entry, KvCacheService, KvCacheServiceBuilder, ListOptions, ListPage,
    LocalKvNamespace, Policy, PutOptions, RedisBackend, SetOutcome, Tag,
};
use tokio::sync::Semaphore;

use crate::server::{Kind, database};

pub(crate) const KEY: &str = "project:7";

/// How the services are configured.
pub(crate) type Setting = fn(KvCacheServiceBuilder) -> KvCacheServiceBuilder;

/// See the module.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) backend: Arc<dyn Backend>,
    /// Each a process of its own, as far as they know.
    pub(crate) processes: [KvCacheService; 2],
    source: Arc<AtomicU64>,
    loads: Arc<AtomicU64>,
    /// Held by who has begun to load and is to wait.
    pub(crate) gate: Arc<Semaphore>,
}

impl World {
    fn over(backends: [Arc<dyn Backend>; 2], setting: Setting) -> Self {
        let backend = Arc::clone(&backends[0]);
        let service = |backend| setting(KvCacheService::builder(backend)).build().expect("a valid prefix");
        let processes = backends.map(service);
        let gate = Arc::new(Semaphore::new(0));
        Self { backend, processes, source: Arc::default(), loads: Arc::default(), gate }
    }

    pub(crate) fn memory(setting: Setting) -> Self {
        let backend = LocalKvNamespace::new();
        Self::over([Arc::new(backend.clone()), Arc::new(backend)], setting)
    }

    pub(crate) fn plain(setting: Setting) -> Self {
        let backend = LocalKvNamespace::new();
        Self::over([Arc::new(Plain(backend.clone())), Arc::new(Plain(backend))], setting)
    }

    pub(crate) async fn on(kind: Kind, setting: Setting) -> Option<Self> {
        let (server, database) = database(kind)?;
        let connect = async || {
            RedisBackend::builder(&server.url(database)).connect().await.expect("the server answers")
        };
        Some(Self::over([Arc::new(connect().await), Arc::new(connect().await)], setting))
    }

    /// Changes the source.
    pub(crate) fn change(&self) -> u64 {
        self.source.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    fn load(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.source.load(Ordering::SeqCst)
    }

    /// Reads the key with these tags, as one of the processes.
    pub(crate) async fn read(&self, process: usize, tags: &[&str]) -> u64 {
        let policy = Policy::new(300).tags(tags.iter().copied());
        let loaded =
            self.processes[process].get_or_load(KEY, policy, async || Ok::<_, Infallible>(self.load())).await;
        loaded.unwrap_or_default()
    }

    /// The same, but between the load and the fill it waits for the gate.
    pub(crate) async fn read_slowly(&self, process: usize, tags: &[&str]) -> u64 {
        let policy = Policy::new(300).tags(tags.iter().copied());
        let load = async || {
            let loaded = self.load();
            self.gate.acquire().await.expect("the gate stays").forget();
            Ok::<_, Infallible>(loaded)
        };
        self.processes[process].get_or_load(KEY, policy, load).await.unwrap_or_default()
    }

    pub(crate) async fn invalidate(&self, process: usize, tag: impl Into<Tag>) {
        self.processes[process].invalidate_tag(tag).await.expect("the backend answers");
    }

    pub(crate) async fn invalidate_all(&self, process: usize) {
        self.processes[process].invalidate_all().await.expect("the backend answers");
    }

    /// Lets a load that was started come to the gate.
    pub(crate) async fn until_loads(&self, loads: u64) {
        while self.loads() < loads {
            tokio::task::yield_now().await;
        }
    }
}

/// A backend that can do only what it must.
struct Plain(LocalKvNamespace);

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
