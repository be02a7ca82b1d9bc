//! The whole prefix on a real server: one command, and the local tiers of others hear of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::{KvCacheService, LocalTier, RedisBackend, cached};

use crate::batches::{calls, reset};
use crate::server::{Kind, Server};

struct Process {
    cache: KvCacheService,
    source: Arc<AtomicU64>,
}

impl Process {
    async fn at(server: &Server, tier: Option<LocalTier>, source: &Arc<AtomicU64>) -> Self {
        // A busy machine is no dead server: another connection would be counted.
        let patience = Duration::from_secs(20);
        let backend =
            RedisBackend::builder(&server.url(0)).connect_timeout(patience).command_timeout(patience);
        let backend = backend.connect().await.expect("the server answers");
        let cache = KvCacheService::builder(Arc::new(backend)).prefix_generation(true).timeout(patience);
        let cache = match tier {
            Some(tier) => cache.local_tier(tier),
            None => cache,
        };
        Self { cache: cache.build().expect("it is bounded"), source: Arc::clone(source) }
    }

    #[cached(key = "number:<id>", ttl = 300)]
    async fn number(&self, id: u64) -> u64 {
        let _ = id;
        self.source.load(Ordering::SeqCst)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_whole_prefix_is_invalidated_by_one_command_however_many_keys_there_are() {
    const KEYS: u64 = 5_000;
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let source = Arc::new(AtomicU64::new(1));
    let process = Process::at(&server, None, &source).await;
    let read_all = async || {
        let values = futures_util::future::join_all((0..KEYS).map(|id| process.number(id))).await;
        let newest = source.load(Ordering::SeqCst);
        assert!(values.iter().all(|value| *value == newest));
    };
    read_all().await;
    source.store(2, Ordering::SeqCst);
    reset(&server).await;
    let began = Instant::now();
    process.cache.invalidate_all().await.expect("the server answers");
    let took = began.elapsed();
    let calls = calls(&server).await;
    println!("{KEYS} keys are stale after {took:?}: {calls:?}");
    assert_eq!(calls.get("evalsha"), Some(&1), "{calls:?}");
    // What the script does, and what the counting itself has cost.
    let others = calls.keys().filter(|name| {
        !["evalsha", "get", "unlink", "config|resetstat", "info", "client|setinfo"].contains(&name.as_str())
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&String>::new(), "{calls:?}");
    assert!(calls.get("unlink").is_none_or(|calls| *calls <= 1), "{calls:?}");
    read_all().await;
}

async fn others_hear_of_it_on(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let source = Arc::new(AtomicU64::new(0));
    let reader = Process::at(&server, Some(LocalTier::new(1_000)), &source).await;
    let writer = Process::at(&server, None, &source).await;
    let mut windows = Vec::new();
    for newest in 1..=50 {
        let start = Instant::now();
        loop {
            assert_eq!(reader.number(1).await, newest - 1);
            reset(&server).await;
            reader.number(1).await;
            let calls = calls(&server).await;
            // Then the tier serves it.
            if !calls.contains_key("get") && !calls.contains_key("mget") {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "the tier never serves");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        source.store(newest, Ordering::SeqCst);
        writer.cache.invalidate_all().await.expect("the server answers");
        assert_eq!(writer.number(1).await, newest);
        let start = Instant::now();
        while reader.number(1).await != newest {
            assert!(start.elapsed() < Duration::from_secs(2), "it is never seen");
            tokio::task::yield_now().await;
        }
        windows.push(start.elapsed());
    }
    windows.sort();
    println!("{kind:?}: another process sees an invalidation of all after {:?} at the worst", windows[49]);
    // The bound for silence, and what a busy machine adds.
    assert!(windows[49] < Duration::from_secs(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_tiers_of_others_hear_of_an_invalidation_of_all_on_redis() {
    others_hear_of_it_on(Kind::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn local_tiers_of_others_hear_of_an_invalidation_of_all_on_valkey() {
    others_hear_of_it_on(Kind::Valkey).await;
}
