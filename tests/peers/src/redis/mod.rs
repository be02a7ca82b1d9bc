//! Caches over one Redis server: ours, the client by hand, and the peers that have such a backend.

mod gathered;
mod server;
mod tables;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{Backend, KvCacheService, PutOptions, Read, RedisBackend, cached, invalidates};
use futures_util::future::BoxFuture;
use hitbox::policy::PolicyConfig;
use hitbox_backend::format::JsonFormat;
use hitbox_redis::ConnectionMode;
use multi_tier_cache::{CacheManager, CacheStrategy, CacheTier, RedisCache};
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;

use server::Server;
pub use tables::print;

use crate::value::{Down, Project, TTL};

/// The one that all are compared with.
pub const BY_HAND: &str = "redis-rs by hand, serde_json";

/// Where `cached` looks for its server.
const CACHED_URL: &str = "CACHED_REDIS_CONNECTION_STRING";

/// Calls once for each id, one after the other: each in a box of its own, if so asked, or awaited where it is made.
type Calls = Box<dyn Fn(Vec<u64>, bool) -> BoxFuture<'static, ()> + Send + Sync>;

fn calls<R, F>(call: impl Fn(u64) -> F + Send + Sync + 'static) -> Calls
where
    F: Future<Output = R> + Send + 'static,
{
    let call = Arc::new(call);
    Box::new(move |ids, boxed| {
        let call = Arc::clone(&call);
        if boxed {
            Box::pin(async move {
                for id in ids {
                    let called: BoxFuture<'_, R> = Box::pin(call(id));
                    drop(black_box(called.await));
                }
            })
        } else {
            Box::pin(async move {
                for id in ids {
                    drop(black_box(call(id).await));
                }
            })
        }
    })
}

/// A cached read over the server, and a write where it has one.
pub struct Remote {
    pub name: &'static str,
    pub is_ours: bool,
    pub read: Calls,
    pub write: Option<Calls>,
}

impl Remote {
    fn new<F>(name: &'static str, read: impl Fn(u64) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Project> + Send + 'static,
    {
        Self { name, is_ours: false, read: calls(read), write: None }
    }

    fn with_write<F>(mut self, write: impl Fn(u64) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.write = Some(calls(write));
        self
    }
}

/// Ours, as its author writes it; without a local tier, so that each read asks the server.
struct Service {
    cache: KvCacheService,
    writes: AtomicU64,
}

impl Service {
    #[cached(key = "peer:<id>", ttl = 3600)]
    async fn project(&self, id: u64) -> Project {
        Project::load(id)
    }

    #[invalidates("peer:<id>")]
    async fn change(&self, id: u64) {
        self.writes.fetch_add(id, Ordering::Relaxed);
    }
}

async fn ours(url: &str, name: &'static str, has_generation: bool) -> Remote {
    let backend = RedisBackend::builder(url).connect().await.expect("the server answers");
    let cache = KvCacheService::builder(Arc::new(backend)).prefix_generation(has_generation);
    let cache = cache.prefix(if has_generation { "whole" } else { "app" }).build().expect("a valid prefix");
    let service = Arc::new(Service { cache, writes: AtomicU64::new(0) });
    let writer = Arc::clone(&service);
    let mut remote = Remote::new(name, move |id| {
        let service = Arc::clone(&service);
        async move { service.project(id).await }
    })
    .with_write(move |id| {
        let writer = Arc::clone(&writer);
        async move { writer.change(id).await }
    });
    remote.is_ours = true;
    remote
}

/// The backend's part of ours alone, with its leases, epochs and limits.
async fn bare(url: &str) -> Remote {
    let backend = Arc::new(RedisBackend::builder(url).connect().await.expect("the server answers"));
    Remote::new("its backend alone, serde_json", move |id| {
        let backend = Arc::clone(&backend);
        async move {
            let key = format!("bare:{id}");
            let lease = match backend.read(&key).await.expect("the server answers") {
                Read::Hit(entry) => return serde_json::from_slice(&entry.value).expect("it is a project"),
                Read::Miss(lease) => lease,
                _ => return Project::load(id),
            };
            let project = Project::load(id);
            let bytes = serde_json::to_vec(&project).expect("it can be encoded");
            let options = PutOptions { ttl: Some(Duration::from_secs(TTL)), metadata: None };
            backend.fill(&key, lease, bytes.into(), options).await.expect("the server answers");
            project
        }
    })
}

/// What one writes without a cache library.
async fn by_hand(url: &str) -> Remote {
    let client = redis::Client::open(url).expect("it is an address");
    let connection = client.get_multiplexed_async_connection().await.expect("the server answers");
    async fn read(mut connection: MultiplexedConnection, id: u64) -> Project {
        let key = format!("hand:{id}");
        let found: Option<Vec<u8>> = connection.get(&key).await.expect("the server answers");
        if let Some(project) = found.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            return project;
        }
        let project = Project::load(id);
        let bytes = serde_json::to_vec(&project).expect("it can be encoded");
        let _: () = connection.set_ex(&key, bytes, TTL).await.expect("the server answers");
        project
    }
    let writing = connection.clone();
    Remote::new(BY_HAND, move |id| read(connection.clone(), id)).with_write(move |id| {
        let mut connection = writing.clone();
        async move {
            let _: () = connection.del(format!("hand:{id}")).await.expect("the server answers");
        }
    })
}

#[cached::macros::concurrent_cached(
    redis = true,
    ttl_secs = 3600,
    cache_prefix_block = r##"{ "cached" }"##,
    map_error = r##"|_| Down"##
)]
async fn by_cached(id: u64) -> Result<Project, Down> {
    Ok(Project::load(id))
}

#[hitbox_fn::cached(prefix = "hitbox")]
async fn by_hitbox(id: u64) -> Result<Project, Down> {
    Ok(Project::load(id))
}

fn hitbox(url: &str) -> Remote {
    let backend = hitbox_redis::RedisBackend::builder()
        .connection(ConnectionMode::single(url))
        .value_format(JsonFormat)
        .build()
        .expect("a valid configuration");
    let policy = PolicyConfig::builder().ttl(Duration::from_secs(TTL)).build();
    let cache = Arc::new(hitbox_fn::Cache::builder().backend(backend).policy(policy).build());
    Remote::new("hitbox #[cached], JSON", move |id| {
        let cache = Arc::clone(&cache);
        async move { by_hitbox(id).cache(&*cache).await.expect("nothing fails") }
    })
}

async fn multi_tier(url: &str) -> Remote {
    let backend = RedisCache::with_url(url).await.expect("the server answers");
    let tiers = vec![CacheTier::new(Arc::new(backend), 1, false, 1, 1.0)];
    let manager = Arc::new(CacheManager::new_with_tiers(tiers, None).expect("one tier"));
    Remote::new("multi-tier-cache typed", move |id| {
        let manager = Arc::clone(&manager);
        async move {
            let key = format!("tier:{id}");
            let load = || async move { Ok(Project::load(id)) };
            let read = manager.get_or_compute_typed(&key, CacheStrategy::MediumTerm, load);
            read.await.expect("nothing fails")
        }
    })
}

/// All of them on this server; ours first, then the client by hand.
pub async fn remotes(url: &str) -> Vec<Remote> {
    let by_cached = std::env::var(CACHED_URL).is_ok_and(|named| named == url).then(|| {
        Remote::new("cached #[concurrent_cached(redis)]", |id| async move {
            by_cached(id).await.expect("nothing fails")
        })
    });
    let mut all = vec![
        ours(url, "#[cached] async method", false).await,
        ours(url, "#[cached], prefix_generation", true).await,
        bare(url).await,
        by_hand(url).await,
        gathered::by_hand(url).await,
    ];
    all.extend(by_cached);
    all.push(hitbox(url));
    all.push(multi_tier(url).await);
    all
}

/// Whether this process was started for this server: `cached` takes the address from the environment alone, which a
/// program must not change once it has threads.
pub fn is_for(url: &str) -> bool {
    std::env::var(CACHED_URL).is_ok_and(|named| named == url)
}

/// The environment in which `cached` finds the server.
pub fn environment(url: &str) -> (&'static str, String) {
    (CACHED_URL, url.to_owned())
}
