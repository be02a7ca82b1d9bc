//! Two processes over one server, as two services with a connection each: who loads, and who waits for whom.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::{KvCacheService, RedisBackend, cached, invalidates};
use tokio::task::JoinSet;

use crate::server::{Kind, database};

/// How long a load takes.
const LOAD: Duration = Duration::from_millis(150);

/// What the processes share.
#[derive(Default)]
struct Source {
    value: AtomicU64,
    loads: AtomicU64,
    running: AtomicU64,
    most: AtomicU64,
}

#[derive(Clone)]
struct Process {
    cache: KvCacheService,
    source: Arc<Source>,
    takes: Duration,
}

impl Process {
    async fn load(&self) -> u64 {
        self.source.loads.fetch_add(1, Ordering::SeqCst);
        let running = self.source.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.source.most.fetch_max(running, Ordering::SeqCst);
        let value = self.source.value.load(Ordering::SeqCst);
        tokio::time::sleep(self.takes).await;
        self.source.running.fetch_sub(1, Ordering::SeqCst);
        value
    }

    #[cached(key = "item:<id>", ttl = 300)]
    async fn item(&self, id: u64) -> Result<u64, Infallible> {
        let _ = id;
        Ok(self.load().await)
    }

    #[cached(key = "item:<id>", each(id in ids))]
    async fn items(&self, ids: Vec<u64>) -> Result<HashMap<u64, u64>, Infallible> {
        let value = self.load().await;
        Ok(ids.iter().map(|id| (*id, value)).collect())
    }

    #[invalidates("item:<id>")]
    async fn change(&self, id: u64, takes: Duration) -> Result<(), Infallible> {
        let _ = id;
        tokio::time::sleep(takes).await;
        self.source.value.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn loads(&self) -> u64 {
        self.source.loads.load(Ordering::SeqCst)
    }
}

/// Two processes, and a client beside them.
async fn two(
    lease_wait: Duration,
    write_timeout: Duration,
) -> Option<([Process; 2], redis::aio::MultiplexedConnection)> {
    let (server, number) = database(Kind::Redis)?;
    let source = Arc::new(Source::default());
    let mut processes = Vec::new();
    for _ in 0..2 {
        let backend = RedisBackend::builder(&server.url(number)).connect().await.expect("the server answers");
        let cache = KvCacheService::builder(Arc::new(backend)).lease_wait(lease_wait);
        let cache = cache.write_timeout(write_timeout).build().expect("a valid prefix");
        processes.push(Process { cache, source: Arc::clone(&source), takes: LOAD });
    }
    Some((processes.try_into().ok().expect("there are two"), server.client(number).await))
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stampede_on_two_processes_loads_once() {
    let Some((processes, _)) = two(5 * SECOND, 30 * SECOND).await else { return };
    let mut callers = JoinSet::new();
    for number in 0..400 {
        let process = processes[number % 2].clone();
        callers.spawn(async move { process.item(7).await });
    }
    assert!(callers.join_all().await.into_iter().all(|read| read == Ok(0)));
    println!("400 callers on two processes: {} loads", processes[0].loads());
    assert_eq!(processes[0].loads(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_on_two_processes_load_once() {
    let Some((processes, _)) = two(5 * SECOND, 30 * SECOND).await else { return };
    let ids: Vec<u64> = (0..50).collect();
    let first = processes[0].items(ids.clone());
    let second = async {
        tokio::time::sleep(LOAD / 3).await;
        processes[1].items(ids.clone()).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(first, second);
    assert_eq!(first.map(|map| map.len()), Ok(50));
    assert_eq!(processes[0].loads(), 1, "the second found what the first had stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_load_elsewhere_is_waited_for_no_longer_than_lease_wait() {
    let Some(([mut slow, other], _)) = two(SECOND / 5, 30 * SECOND).await else { return };
    slow.takes = SECOND;
    let first = tokio::spawn(async move { slow.item(7).await });
    tokio::time::sleep(LOAD).await;
    let start = Instant::now();
    assert_eq!(other.item(7).await, Ok(0));
    let took = start.elapsed();
    println!("waited and loaded for {took:?}");
    assert!(took >= SECOND / 5 + LOAD && took < SECOND * 3 / 4, "{took:?}");
    assert_eq!(other.cache.get(Process::item_key(7)).await.expect("it answers"), None, "it did not fill");
    assert_eq!(first.await.expect("no panic"), Ok(0));
    assert_eq!(other.cache.get(Process::item_key(7)).await.expect("it answers"), Some(0));
    assert_eq!(other.loads(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_dropped_passes_its_load_to_the_other_process() {
    let Some(([mut slow, other], _)) = two(5 * SECOND, 30 * SECOND).await else { return };
    slow.takes = 60 * SECOND;
    let first = tokio::spawn(async move { slow.item(7).await });
    tokio::time::sleep(LOAD).await;
    let second = tokio::spawn(async move { other.item(7).await });
    tokio::time::sleep(LOAD).await;
    let start = Instant::now();
    first.abort();
    assert_eq!(second.await.expect("no panic"), Ok(0));
    println!("passed on and loaded in {:?}", start.elapsed());
    assert!(start.elapsed() < SECOND);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_barrier_one_load_of_a_process_runs_at_a_time_and_nothing_is_stored() {
    const READERS: u64 = 200;
    let Some(([writer, reader], mut client)) = two(SECOND, 30 * SECOND).await else { return };
    let write = tokio::spawn(async move { writer.change(7, 6 * SECOND).await });
    let mut readers = JoinSet::new();
    tokio::time::sleep(SECOND / 10).await;
    let start = Instant::now();
    for number in 0..READERS {
        let reader = reader.clone();
        readers.spawn(async move {
            tokio::time::sleep(Duration::from_millis(number * 5)).await;
            reader.item(7).await
        });
    }
    let seen = readers.join_all().await;
    let took = start.elapsed();
    assert!(!write.is_finished(), "the readers were quicker");
    assert!(seen.into_iter().all(|read| read == Ok(0)));
    let raw: Vec<u8> =
        redis::cmd("GET").arg("app:item:7").query_async(&mut client).await.expect("it answers");
    assert_eq!(raw.first(), Some(&b'B'), "the barrier stands, and nobody has filled");
    let most = reader.source.most.load(Ordering::SeqCst);
    println!("{READERS} readers in a second under a barrier: {} loads, {most} at once", reader.loads());
    assert_eq!(most, 1, "one runs; the others wait for the one after it");
    let one_after_another = took.as_millis() / LOAD.as_millis() + 2;
    assert!(u128::from(reader.loads()) <= one_after_another, "{} in {took:?}", reader.loads());
    write.await.expect("no panic").expect("it is written");
    assert_eq!(reader.item(7).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_barrier_is_renewed_while_the_body_runs_and_ends_after_a_drop() {
    let Some(([writer, reader], mut client)) = two(SECOND, SECOND * 6 / 10).await else { return };
    let write = tokio::spawn(async move { writer.change(7, 60 * SECOND).await });
    let first = |client: &mut redis::aio::MultiplexedConnection| {
        let mut client = client.clone();
        async move {
            let raw: Option<Vec<u8>> =
                redis::cmd("GET").arg("app:item:7").query_async(&mut client).await.expect("it answers");
            raw.and_then(|raw| raw.first().copied())
        }
    };
    tokio::time::sleep(SECOND / 10).await;
    // Three lives of it.
    let start = Instant::now();
    while start.elapsed() < SECOND * 24 / 10 {
        assert_eq!(reader.item(7).await, Ok(0));
        assert_eq!(first(&mut client).await, Some(b'B'), "after {:?}", start.elapsed());
    }
    write.abort();
    let start = Instant::now();
    while first(&mut client).await.is_some() {
        assert!(start.elapsed() < 5 * SECOND, "the barrier does not end");
        tokio::time::sleep(SECOND / 100).await;
    }
    println!("ended by itself {:?} after the drop", start.elapsed());
    assert!(start.elapsed() > SECOND * 5 / 10, "write_timeout was left: {:?}", start.elapsed());
}
