//! A call without a local tier looks, together with others, before it waits for anybody's load.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::testing::{Fault, FaultyBackend, Operation, RecordingBackend};
use cache_runtime::{KvCacheService, RedisBackend, cached, invalidates};
use tokio::task::JoinSet;

use crate::batches::{calls, reset};
use crate::server::{Kind, Server};

type Faulty = FaultyBackend<RedisBackend>;
type Recorded = RecordingBackend<Faulty>;

/// One process, and what it asks the server for.
struct Process {
    cache: KvCacheService,
    backend: Recorded,
    source: Arc<AtomicU64>,
    loads: AtomicU64,
}

impl Process {
    async fn at(server: &Server, source: &Arc<AtomicU64>) -> Arc<Self> {
        let backend = RedisBackend::builder(&server.url(0)).connect().await.expect("the server answers");
        let backend = Recorded::new(Faulty::new(backend));
        let cache = KvCacheService::builder(Arc::new(backend.clone())).timeout(Duration::from_secs(20));
        let (cache, source) = (cache.build().expect("a valid prefix"), Arc::clone(source));
        Arc::new(Self { cache, backend, source, loads: AtomicU64::new(0) })
    }

    fn load(&self) -> u64 {
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.source.load(Ordering::SeqCst)
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }

    #[cached(key = "row:<id>", ttl = 300)]
    async fn row(&self, id: u64) -> u64 {
        let _ = id;
        self.load()
    }

    #[cached(key = "titled:<id>", ttl = 300, tags = ["title"])]
    async fn titled(&self, id: u64) -> u64 {
        let _ = id;
        self.load()
    }

    #[invalidates(tags = ["title"])]
    async fn retitle(&self) {
        self.source.fetch_add(1, Ordering::SeqCst);
    }
}

fn started() -> Option<(Server, Arc<AtomicU64>)> {
    Some((Server::start(Kind::Redis, &[])?, Arc::new(AtomicU64::new(1))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_hits_at_once_are_few_commands() {
    const CALLERS: u64 = 2_000;
    let Some((server, source)) = started() else { return };
    let process = Process::at(&server, &source).await;
    for id in 0..100 {
        process.row(id).await;
    }
    reset(&server).await;
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let process = Arc::clone(&process);
        callers.spawn(async move { process.row(number % 100).await });
    }
    assert!(callers.join_all().await.iter().all(|value| *value == 1));
    let calls = calls(&server).await;
    let sent: u64 = ["get", "mget"].iter().filter_map(|name| calls.get(*name)).sum();
    println!("{CALLERS} hits at once: {sent} commands");
    assert!(sent <= CALLERS / 10, "{calls:?}");
    assert_eq!((process.loads(), calls.get("set")), (100, None));
}

#[tokio::test]
async fn a_miss_asks_for_the_value_once() {
    let Some((server, source)) = started() else { return };
    let process = Process::at(&server, &source).await;
    reset(&server).await;
    assert_eq!(process.row(7).await, 1);
    let asked = [Operation::Look, Operation::ReadAbsent, Operation::Fill];
    assert_eq!(process.backend.operations(), asked);
    let calls = calls(&server).await;
    // The lease is taken without another look; the script that fills, on an older server, has its own.
    let by_script = calls.get("evalsha").copied().unwrap_or_default();
    assert_eq!((calls["get"] - by_script, calls.get("mget")), (1, None), "{calls:?}");
    process.backend.forget();
    assert_eq!((process.row(7).await, process.loads()), (1, 1));
    assert_eq!(process.backend.operations(), [Operation::Look]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_of_a_cold_key_look_and_then_share_one_load() {
    let Some((server, source)) = started() else { return };
    let process = Process::at(&server, &source).await;
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        let process = Arc::clone(&process);
        callers.spawn(async move { process.row(7).await });
    }
    assert!(callers.join_all().await.iter().all(|value| *value == 1));
    assert_eq!(process.loads(), 1);
}

#[tokio::test]
async fn a_look_that_fails_costs_the_load_and_no_second_try() {
    let Some((server, source)) = started() else { return };
    let process = Process::at(&server, &source).await;
    assert_eq!(process.row(7).await, 1);
    source.store(2, Ordering::SeqCst);
    process.backend.forget();
    process.backend.inner().set(Operation::Look, Fault::Error);
    assert_eq!(process.row(7).await, 2, "who cannot look loads");
    assert_eq!(process.backend.operations(), [Operation::Look]);
    process.backend.inner().heal();
    assert_eq!(process.row(7).await, 1, "and fills nothing");
}

/// What another process stores between a look that found nothing and the lease is found, and not loaded again.
#[tokio::test]
async fn what_comes_after_a_look_is_found_without_a_load() {
    let Some((server, source)) = started() else { return };
    let (process, other) = (Process::at(&server, &source).await, Process::at(&server, &source).await);
    process.backend.inner().set(Operation::ReadAbsent, Fault::Delay(Duration::from_millis(300)));
    let (plain, beside) = tokio::join!(process.row(7), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        other.row(7).await
    });
    assert_eq!((plain, beside, process.loads(), other.loads()), (1, 1, 0, 1));
}

/// The generation of a tag that a look has seen says nothing of a value that came after it.
#[tokio::test]
async fn what_comes_after_a_look_is_judged_by_its_tags_anew() {
    let Some((server, source)) = started() else { return };
    let (process, other) = (Process::at(&server, &source).await, Process::at(&server, &source).await);
    // Makes the generation of the tag, so that the look finds one.
    other.titled(1).await;
    process.backend.inner().set(Operation::ReadAbsent, Fault::Delay(Duration::from_millis(600)));
    let (titled, ()) = tokio::join!(process.titled(7), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(other.titled(7).await, 1);
        other.retitle().await;
        assert_eq!(other.titled(7).await, 2);
    });
    assert_eq!((titled, process.loads()), (2, 0), "it is there, in the new generation");
    assert_eq!((process.titled(7).await, other.titled(7).await), (2, 2));
}

/// And where it does not come, the load is stored in the generation from before it.
#[tokio::test]
async fn a_tag_that_changes_after_a_look_ends_what_is_loaded_then() {
    let Some((server, source)) = started() else { return };
    let (process, other) = (Process::at(&server, &source).await, Process::at(&server, &source).await);
    other.titled(1).await;
    process.backend.inner().set(Operation::Fill, Fault::Delay(Duration::from_millis(300)));
    let (titled, ()) = tokio::join!(process.titled(7), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        other.retitle().await;
    });
    assert_eq!(titled, 1, "it began before the change");
    process.backend.inner().heal();
    assert_eq!((other.titled(7).await, process.titled(7).await), (2, 2));
}

/// A look does not tell of a value of another history from nothing; the lease of its place is had all the same, at once.
#[tokio::test]
async fn a_value_of_another_history_is_replaced_after_a_look() {
    let Some((server, source)) = started() else { return };
    let process = Process::at(&server, &source).await;
    assert_eq!(process.row(7).await, 1);
    redis::cmd("SAVE").exec_async(&mut server.client(0).await).await.expect("the dump is written");
    server.kill();
    server.restart();
    source.store(2, Ordering::SeqCst);
    // Until it is heard that the connection is lost.
    while process.cache.health().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    process.backend.forget();
    assert_eq!((process.row(7).await, process.loads()), (2, 2));
    let asked = [Operation::Look, Operation::ReadAbsent, Operation::Fill];
    assert_eq!(process.backend.operations(), asked, "nobody is waited for");
    assert_eq!((process.row(7).await, process.loads()), (2, 2));
}

/// A number that another program has set is no absent key.
#[tokio::test]
async fn what_another_program_stores_after_a_look_is_found() {
    let Some((server, source)) = started() else { return };
    let process = Process::at(&server, &source).await;
    process.backend.inner().set(Operation::ReadAbsent, Fault::Delay(Duration::from_millis(300)));
    let (value, ()) = tokio::join!(process.row(7), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut client = server.client(0).await;
        redis::cmd("SET").arg("app:row:7").arg("41").exec_async(&mut client).await.expect("it is set");
    });
    assert_eq!((value, process.loads()), (41, 0));
    assert_eq!(process.row(7).await, 41);
}

/// The shortest limit is a reader's own, the batch's alarm that of its first one; the server's limit is far.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_look_together_at_a_server_that_stands_still_each_end_in_time() {
    let Some((server, source)) = started() else { return };
    let patience = Duration::from_secs(20);
    let backend = RedisBackend::builder(&server.url(0)).command_timeout(patience);
    let backend = Arc::new(backend.connect().await.expect("the server answers"));
    let limits = [400, 100, 800].map(Duration::from_millis);
    let services: Vec<_> = limits
        .iter()
        .map(|limit| {
            let cache = KvCacheService::builder(Arc::<RedisBackend>::clone(&backend)).timeout(*limit);
            cache.build().expect("a valid prefix")
        })
        .collect();
    assert_eq!(services[0].get_or_load("k", 300, async || Ok::<_, ()>(1)).await, Ok(1));
    server.signal("STOP");
    let mut callers = JoinSet::new();
    for number in 0..30 {
        let (cache, source, limit) = (services[number % 3].clone(), Arc::clone(&source), limits[number % 3]);
        callers.spawn(async move {
            let began = Instant::now();
            let load = async || {
                source.fetch_add(1, Ordering::SeqCst);
                Ok::<_, ()>(2)
            };
            let value = cache.get_or_load(&format!("k{number}"), 300, load).await;
            (value, limit, began.elapsed())
        });
    }
    for (value, limit, took) in callers.join_all().await {
        assert_eq!(value, Ok(2), "it loads");
        assert!(took >= limit, "{took:?} of {limit:?}");
        assert!(took < patience / 2, "{took:?} of {limit:?}");
    }
    assert_eq!(source.load(Ordering::SeqCst), 31);
    server.signal("CONT");
    while services[0].health().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(services[0].get_or_load("k", 300, async || Ok::<_, ()>(3)).await, Ok(1), "and all goes on");
}
