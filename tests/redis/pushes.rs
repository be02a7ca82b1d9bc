//! A local tier over Redis: what others change is heard of, and where it cannot be, nothing is served from the tier.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::{
    CacheError, KvCacheService, KvCacheServiceFactory, LocalTier, RedisBackend, cached, invalidates,
};
use redis::AsyncTypedCommands;
use redis::aio::MultiplexedConnection;

use crate::proxy::{Mode, Proxy};
use crate::server::{Kind, Server};

/// The silence bound that the backends have unless set.
const BOUND: Duration = Duration::from_millis(400);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_millis(600);

/// A process's part: a service with a cache of its own, before a number that all share.
#[derive(Clone)]
struct Process {
    cache: KvCacheService,
    source: Arc<AtomicU64>,
}

impl Process {
    /// With a local tier.
    async fn at(url: &str, source: &Arc<AtomicU64>) -> Self {
        Self::with(backend(url).await, Some(LocalTier::new(1_000)), source)
    }

    fn with(backend: Arc<RedisBackend>, tier: Option<LocalTier>, source: &Arc<AtomicU64>) -> Self {
        let cache = KvCacheService::builder(backend);
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

    #[invalidates("number:<id>")]
    async fn change(&self, id: u64) -> u64 {
        let _ = id;
        self.source.fetch_add(1, Ordering::SeqCst) + 1
    }

    #[invalidates("number:<id>", sync)]
    async fn change_for_all(&self, id: u64) -> u64 {
        let _ = id;
        self.source.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Reads until the tier serves the key, which the server's count of reads shows.
    async fn reads_until_held(&self, server: &mut Reads) -> u64 {
        let start = Instant::now();
        loop {
            let value = self.number(1).await;
            let before = server.count().await;
            assert_eq!(self.number(1).await, value);
            if server.count().await == before {
                return value;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "the tier never serves");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Reads until it gets this value; how long it took.
    async fn reads_until(&self, value: u64) -> Duration {
        let start = Instant::now();
        while self.number(1).await != value {
            assert!(start.elapsed() < Duration::from_secs(10), "the change is never seen");
            tokio::task::yield_now().await;
        }
        start.elapsed()
    }
}

async fn backend(url: &str) -> Arc<RedisBackend> {
    Arc::new(RedisBackend::builder(url).connect().await.expect("the server answers"))
}

/// How many reads of values the server has counted.
struct Reads(MultiplexedConnection);

impl Reads {
    async fn count(&mut self) -> u64 {
        let stats: String =
            redis::cmd("INFO").arg("commandstats").query_async(&mut self.0).await.expect("it answers");
        let calls = |line: &str| line.split(&['=', ','][..]).nth(1)?.parse::<u64>().ok();
        let is_read =
            |line: &&str| ["cmdstat_get:", "cmdstat_mget:"].iter().any(|name| line.starts_with(name));
        stats.lines().filter(is_read).filter_map(calls).sum()
    }
}

fn median_and_worst(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    (times[times.len() / 2], times.last().copied().unwrap_or_default())
}

async fn world(kind: Kind) -> Option<(Server, Reads, Arc<AtomicU64>)> {
    let server = Server::start(kind, &[])?;
    let reads = Reads(server.client(0).await);
    Some((server, reads, Arc::new(AtomicU64::new(1))))
}

async fn what_others_change_is_seen_on(kind: Kind) {
    let Some((server, mut reads, source)) = world(kind).await else { return };
    let reader = Process::at(&server.url(0), &source).await;
    let writer = Process::with(backend(&server.url(0)).await, None, &source);

    let mut windows = Vec::new();
    for _ in 0..100 {
        reader.reads_until_held(&mut reads).await;
        let value = writer.change(1).await;
        windows.push(reader.reads_until(value).await);
    }
    let (median, worst) = median_and_worst(windows);
    println!(
        "{kind:?}: a write by another process is seen after {median:?} (median of 100), {worst:?} at the worst"
    );
    assert!(worst < BOUND + SLACK);

    // By hand, as `redis-cli DEL` does; what the source has got meanwhile is seen then.
    let mut client = server.client(0).await;
    let mut windows = Vec::new();
    for _ in 0..100 {
        let value = reader.reads_until_held(&mut reads).await + 1;
        source.store(value, Ordering::SeqCst);
        assert_eq!(reader.number(1).await, value - 1);
        assert_eq!(client.del("app:number:1").await.expect("it answers"), 1);
        windows.push(reader.reads_until(value).await);
    }
    let (median, worst) = median_and_worst(windows);
    println!("{kind:?}: a DEL by hand is seen after {median:?} (median of 100), {worst:?} at the worst");
    assert!(worst < BOUND + SLACK);

    let value = reader.reads_until_held(&mut reads).await + 1;
    source.store(value, Ordering::SeqCst);
    client.flushall().await.expect("it answers");
    reader.reads_until(value).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_by_another_process_and_a_del_by_hand_are_seen_on_redis() {
    what_others_change_is_seen_on(Kind::Redis).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_by_another_process_and_a_del_by_hand_are_seen_on_valkey() {
    what_others_change_is_seen_on(Kind::Valkey).await;
}

#[tokio::test]
async fn what_was_loaded_is_held_only_once_it_was_read() {
    let Some((server, mut reads, source)) = world(Kind::Redis).await else { return };
    let process = Process::at(&server.url(0), &source).await;
    process.reads_until_held(&mut reads).await;
    // Another key, now that pushes are heard: the load, the read that promotes, and one from the tier.
    let mut counts = Vec::new();
    process.number(2).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    for _ in 0..2 {
        let before = reads.count().await;
        process.number(2).await;
        counts.push(reads.count().await - before);
    }
    assert_eq!(counts, [1, 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_push_connection_clears_the_tier() {
    let Some((server, mut reads, source)) = world(Kind::Redis).await else { return };
    let proxy = Proxy::before(server.port).await;
    let reader = Process::at(&proxy.url(0), &source).await;
    let writer = Process::with(backend(&server.url(0)).await, None, &source);
    for _ in 0..5 {
        reader.reads_until_held(&mut reads).await;
        proxy.set_pushes(Mode::Reset);
        // The next answer to a question ends the connection, and with it what the tier may serve.
        tokio::time::sleep(BOUND).await;
        let value = writer.change(1).await;
        assert_eq!(reader.number(1).await, value, "a tier without pushes served");
        proxy.set_pushes(Mode::Pass);
        assert_eq!(reader.reads_until_held(&mut reads).await, value, "the tier kept what it had");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_push_connection_closes_the_tier_within_the_bound() {
    let Some((server, mut reads, source)) = world(Kind::Redis).await else { return };
    let proxy = Proxy::before(server.port).await;
    let reader = Process::at(&proxy.url(0), &source).await;
    let writer = Process::with(backend(&server.url(0)).await, None, &source);
    let mut windows = Vec::new();
    for _ in 0..3 {
        reader.reads_until_held(&mut reads).await;
        proxy.set_pushes(Mode::Swallow);
        let value = writer.change(1).await;
        windows.push(reader.reads_until(value).await);
        // And no older one comes back.
        for _ in 0..100 {
            assert_eq!(reader.number(1).await, value);
        }
        proxy.set_pushes(Mode::Pass);
    }
    let (median, worst) = median_and_worst(windows);
    println!("without pushes a change is seen after {median:?} (median of 3), {worst:?} at the worst");
    assert!(worst < BOUND + SLACK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_synchronous_write_leaves_nobody_behind_who_is_deaf() {
    let Some((server, mut reads, source)) = world(Kind::Redis).await else { return };
    let proxy = Proxy::before(server.port).await;
    let hears = Process::at(&server.url(0), &source).await;
    let is_deaf = Process::at(&proxy.url(0), &source).await;
    let writer = Process::with(backend(&server.url(0)).await, None, &source);
    let (mut with_all, mut with_a_deaf_one) = (Vec::new(), Vec::new());
    for round in 0..20 {
        let deaf = round % 5 == 4;
        hears.reads_until_held(&mut reads).await;
        is_deaf.reads_until_held(&mut reads).await;
        if deaf {
            proxy.set_pushes(Mode::Swallow);
        }
        let start = Instant::now();
        let value = writer.change_for_all(1).await;
        (if deaf { &mut with_a_deaf_one } else { &mut with_all }).push(start.elapsed());
        for process in [&hears, &is_deaf] {
            assert_eq!(process.number(1).await, value, "round {round}");
        }
        proxy.set_pushes(Mode::Pass);
    }
    let (median, worst) = median_and_worst(with_all);
    println!("a synchronous write takes {median:?} (median), {worst:?} at the worst");
    assert!(median < BOUND / 2, "the acknowledgements are not heard: {median:?}");
    let (median, worst) = median_and_worst(with_a_deaf_one);
    println!("with a deaf process it takes {median:?} (median), {worst:?} at the worst");
    assert!(median >= BOUND && worst < BOUND + SLACK);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_recalled_by_hand_is_served_by_nobody() {
    let Some((server, mut reads, source)) = world(Kind::Redis).await else { return };
    let reader = Process::at(&server.url(0), &source).await;
    let writer = Process::with(backend(&server.url(0)).await, None, &source);
    for _ in 0..20 {
        let value = reader.reads_until_held(&mut reads).await + 1;
        source.store(value, Ordering::SeqCst);
        writer.cache.delete(Process::number_key(1)).await.expect("it answers");
        writer.cache.recall([Process::number_key(1)]).await.expect("it answers");
        assert_eq!(reader.number(1).await, value);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_of_a_further_prefix_is_told_too() {
    let Some((server, mut reads, source)) = world(Kind::Redis).await else { return };
    let first = Process::at(&server.url(0), &source).await;
    first.reads_until_held(&mut reads).await;
    let cache = KvCacheServiceFactory::like(first.cache.clone()).create("further").expect("a prefix");
    let further = Process { cache, source: Arc::clone(&source) };
    let writer = Process::with(backend(&server.url(0)).await, None, &source);
    let cache = KvCacheServiceFactory::like(writer.cache.clone()).create("further").expect("a prefix");
    let further_writer = Process { cache, source: Arc::clone(&source) };
    for _ in 0..10 {
        further.reads_until_held(&mut reads).await;
        let value = further_writer.change_for_all(1).await;
        assert_eq!(further.number(1).await, value);
        let value = further.reads_until_held(&mut reads).await;
        further.reads_until(value).await;
        first.reads_until_held(&mut reads).await;
        let value = writer.change(1).await;
        first.reads_until(value).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_push_closes_the_tier_but_for_its_local_ttl() {
    let Some((server, mut reads, source)) = world(Kind::Redis).await else { return };
    let mut client = server.client(0).await;
    let rule = ["SETUSER", "plain", "on", ">secret", "~*", "&*", "+@all", "-client|tracking"];
    let done: String = redis::cmd("ACL").arg(&rule).query_async(&mut client).await.expect("it answers");
    assert_eq!(done, "OK");
    let url = server.url(0).replace("redis://", "redis://plain:secret@");

    let closed = Process::at(&url, &source).await;
    closed.number(1).await;
    for _ in 0..20 {
        let before = reads.count().await;
        closed.number(1).await;
        assert_eq!(reads.count().await, before + 1, "the tier served");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    let local_ttl = Duration::from_millis(300);
    let tier = LocalTier::new(1_000).local_ttl(local_ttl);
    let bounded = Process::with(backend(&url).await, Some(tier), &source);
    bounded.reads_until_held(&mut reads).await;
    let value = source.fetch_add(1, Ordering::SeqCst) + 1;
    client.del("app:number:1").await.expect("it answers");
    let window = bounded.reads_until(value).await;
    println!("with a local_ttl of {local_ttl:?} and no pushes a change is seen after {window:?}");
    assert!(window < local_ttl + SLACK);
}

#[tokio::test]
async fn a_local_tier_over_a_backend_without_pushes_needs_a_bound() {
    struct Least;

    #[async_trait::async_trait]
    impl cache_runtime::Backend for Least {
        fn name(&self) -> &'static str {
            "least"
        }
        fn capabilities(&self) -> cache_runtime::Capabilities {
            cache_runtime::Capabilities::basic()
        }
        async fn get(&self, _: &str) -> Result<Option<cache_runtime::Entry>, cache_runtime::BackendError> {
            Ok(None)
        }
        async fn put(
            &self,
            _: &str,
            _: bytes::Bytes,
            _: cache_runtime::PutOptions,
        ) -> Result<cache_runtime::SetOutcome, cache_runtime::BackendError> {
            Ok(cache_runtime::SetOutcome::Stored)
        }
        async fn delete(&self, _: &str) -> Result<bool, cache_runtime::BackendError> {
            Ok(false)
        }
        async fn list(
            &self,
            _: cache_runtime::ListOptions,
        ) -> Result<cache_runtime::ListPage, cache_runtime::BackendError> {
            Ok(cache_runtime::ListPage::default())
        }
    }

    let build = |tier| KvCacheService::builder(Arc::new(Least)).local_tier(tier).build();
    let refused = build(LocalTier::new(10)).expect_err("it would be stale for long");
    assert!(matches!(refused, CacheError::Configuration(_)));
    assert_eq!(
        refused.to_string(),
        "configuration: `least` does not tell of changes that other processes make, so a local tier before it \
         needs a bound for how long they may go unnoticed: `LocalTier::local_ttl`"
    );
    for bounded in [LocalTier::new(0), LocalTier::new(10).local_ttl(Duration::from_secs(1))] {
        assert!(build(bounded).is_ok(), "{bounded:?}");
    }
}
