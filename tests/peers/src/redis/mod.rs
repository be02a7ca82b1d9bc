//! Caches over one Redis server: ours, the client by hand, and the peers that have such a backend.

mod gathered;
mod server;
mod tables;

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{Backend, Codec, KvCacheService, KvCacheServiceBuilder, PutOptions, Read, RedisBackend, cached, invalidates};
use futures_util::future::BoxFuture;
use hitbox::policy::PolicyConfig;
use hitbox_backend::format::JsonFormat;
use hitbox_redis::ConnectionMode;
use multi_tier_cache::{CacheManager, CacheStrategy, CacheTier, RedisCache};
use redis::AsyncCommands;

use server::Server;
pub use tables::print;

use crate::value::{Down, Project, TTL};

/// The one that all are compared with.
pub const BY_HAND: &str = "redis-rs by hand, JSON";
/// Ours, with the codec of that one.
pub const OURS: &str = "#[cached] async method, JSON";
/// Ours, with the codec of [`CACHED`].
pub const OURS_PACKED: &str = "#[cached] async method, MessagePack";
/// It stores what `rmp_serde` makes of a value, without the names of fields, and has no other codec.
pub const CACHED: &str = "cached #[concurrent_cached(redis)], MessagePack";

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

/// Keeps what is measured as long as the program lives, as `cached` keeps its own. Where each call cloned an `Arc` of it,
/// two cores counted the same references, which is no cost of the cache.
fn for_good<T>(kept: T) -> &'static T {
    Box::leak(Box::new(kept))
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

async fn ours(
    url: &str,
    name: &'static str,
    prefix: &str,
    with: impl FnOnce(KvCacheServiceBuilder) -> KvCacheServiceBuilder,
) -> Remote {
    let backend = RedisBackend::builder(url).connect().await.expect("the server answers");
    let cache = with(KvCacheService::builder(Arc::new(backend)).prefix(prefix));
    let cache = cache.build().expect("a valid prefix");
    let service = for_good(Service { cache, writes: AtomicU64::new(0) });
    let read = Remote::new(name, |id| service.project(id));
    Remote { is_ours: true, ..read.with_write(|id| service.change(id)) }
}

/// The backend's part of ours alone, with its leases, epochs and limits.
async fn bare(url: &str) -> Remote {
    let backend = for_good(RedisBackend::builder(url).connect().await.expect("the server answers"));
    Remote::new("its backend alone, JSON", move |id| async move {
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
    })
}

/// How values are stored by hand.
#[derive(Clone, Copy)]
enum Format {
    Json,
    MessagePack,
}

impl Format {
    fn encode(self, project: &Project) -> Vec<u8> {
        match self {
            Self::Json => serde_json::to_vec(project).expect("it can be encoded"),
            Self::MessagePack => rmp_serde::to_vec(project).expect("it can be encoded"),
        }
    }

    fn decode(self, bytes: &[u8]) -> Option<Project> {
        match self {
            Self::Json => serde_json::from_slice(bytes).ok(),
            Self::MessagePack => rmp_serde::from_slice(bytes).ok(),
        }
    }
}

/// What one writes without a cache library.
async fn by_hand(url: &str, name: &'static str, prefix: &'static str, format: Format) -> Remote {
    let client = redis::Client::open(url).expect("it is an address");
    let connection = client.get_multiplexed_async_connection().await.expect("the server answers");
    let writing = connection.clone();
    let read = move |id| {
        let mut connection = connection.clone();
        async move {
            let key = format!("{prefix}:{id}");
            let found: Option<Vec<u8>> = connection.get(&key).await.expect("the server answers");
            if let Some(project) = found.and_then(|bytes| format.decode(&bytes)) {
                return project;
            }
            let project = Project::load(id);
            let _: () =
                connection.set_ex(&key, format.encode(&project), TTL).await.expect("the server answers");
            project
        }
    };
    Remote::new(name, read).with_write(move |id| {
        let mut connection = writing.clone();
        async move {
            let _: () = connection.del(format!("{prefix}:{id}")).await.expect("the server answers");
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
    let cache = for_good(hitbox_fn::Cache::builder().backend(backend).policy(policy).build());
    Remote::new("hitbox #[cached], JSON", move |id| async move {
        by_hitbox(id).cache(cache).await.expect("nothing fails")
    })
}

async fn multi_tier(url: &str) -> Remote {
    let backend = RedisCache::with_url(url).await.expect("the server answers");
    let tiers = vec![CacheTier::new(Arc::new(backend), 1, false, 1, 1.0)];
    let manager = for_good(CacheManager::new_with_tiers(tiers, None).expect("one tier"));
    Remote::new("multi-tier-cache typed, JSON", move |id| async move {
        let key = format!("tier:{id}");
        let load = || async move { Ok(Project::load(id)) };
        let read = manager.get_or_compute_typed(&key, CacheStrategy::MediumTerm, load);
        read.await.expect("nothing fails")
    })
}

/// All of them on this server; ours first, then the client by hand.
pub async fn remotes(url: &str) -> Vec<Remote> {
    let by_cached = std::env::var(CACHED_URL).is_ok_and(|named| named == url).then(|| {
        Remote::new(CACHED, |id| async move {
            by_cached(id).await.expect("nothing fails")
        })
    });
    let mut all = vec![
        ours(url, OURS, "app", |cache| cache).await,
        ours(url, OURS_PACKED, "packed", |cache| cache.codec(Codec::MessagePack)).await,
        ours(url, "#[cached], prefix_generation, JSON", "whole", |cache| cache.prefix_generation(true)).await,
        bare(url).await,
        by_hand(url, BY_HAND, "hand", Format::Json).await,
        by_hand(url, "redis-rs by hand, MessagePack", "packed-hand", Format::MessagePack).await,
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
