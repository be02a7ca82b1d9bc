//! A primary behind Sentinels, and its failover.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::{Backend, BackendError, KvCacheService, PutOptions, Read, RedisBackend};
use redis::{Cmd, cmd};
use tokio::task::JoinSet;

use crate::server::{Kind, Server};

const KEYS: u64 = 8;

/// What the source holds, and what its newest write that has returned wrote.
#[derive(Default)]
struct Row {
    newest: AtomicU64,
    returned: AtomicU64,
}

async fn says(server: &Server, question: &Cmd, text: &str) {
    let start = Instant::now();
    loop {
        let mut client = server.client(0).await;
        let answer: String = question.query_async(&mut client).await.expect("the server answers");
        if answer.contains(text) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(30), "nobody says {text}: {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A primary, its replica, and three Sentinels that know both and each other.
async fn started() -> Option<([Server; 2], [Server; 3], String)> {
    let primary = Server::start(Kind::Redis, &["--repl-diskless-sync-delay", "0"])?;
    let of = format!("127.0.0.1 {}", primary.port);
    let replica = Server::start(Kind::Redis, &["--replicaof", &of, "--repl-diskless-sync-delay", "0"])?;
    says(&replica, cmd("INFO").arg("replication"), "master_link_status:up").await;
    let sentinel = || Server::start_sentinel(Kind::Redis, primary.port);
    let sentinels = [sentinel()?, sentinel()?, sentinel()?];
    for sentinel in &sentinels {
        says(sentinel, cmd("INFO").arg("sentinel"), "status=ok").await;
        says(sentinel, cmd("INFO").arg("sentinel"), "slaves=1,sentinels=3").await;
    }
    let hosts: Vec<String> =
        sentinels.iter().map(|sentinel| format!("127.0.0.1:{}", sentinel.port)).collect();
    let url = format!("redis+sentinel://{}/main", hosts.join(","));
    Some(([primary, replica], sentinels, url))
}

/// One write, as an `#[invalidates]` does it; what was refused is done again until it is done.
async fn write(backend: &RedisBackend, rows: &[Row], row: u64) -> Result<(), BackendError> {
    let (key, at) = (format!("k{row}"), &rows[usize::try_from(row).expect("there are few")]);
    let token = backend.begin_write(&[&key], Duration::from_secs(5)).await?;
    let version = at.newest.fetch_add(1, Ordering::SeqCst) + 1;
    while backend.finish_write(&[&key], token, None).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    at.returned.fetch_max(version, Ordering::SeqCst);
    Ok(())
}

/// One read, as a `#[cached]` does it: whether it was good, or an error. Panics where it is stale.
async fn read(backend: &RedisBackend, rows: &[Row], row: u64) -> bool {
    let (key, at) = (format!("k{row}"), &rows[usize::try_from(row).expect("there are few")]);
    let least = at.returned.load(Ordering::SeqCst);
    match backend.read(&key).await {
        Ok(Read::Hit(entry)) => {
            let text = String::from_utf8(entry.value.into()).expect("it is a number");
            let seen: u64 = text.parse().expect("it is a number");
            assert!(seen >= least, "{key}: read {seen}, and {least} had returned");
            true
        }
        Ok(Read::Miss(permit)) => {
            let loaded = at.newest.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(1)).await;
            let filled = backend.fill(&key, permit, format!("{loaded}").into(), PutOptions::default());
            filled.await.is_ok()
        }
        Ok(_) => true,
        Err(_) => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_brings_no_old_value_back_and_needs_no_restart() {
    let Some(([primary, replica], _sentinels, url)) = started().await else { return };
    let limit = Duration::from_millis(700);
    let builder = RedisBackend::builder(&url).connect_timeout(limit).command_timeout(limit);
    let backend = builder.connect().await.expect("the primary answers");
    assert!(backend.capabilities().epoch);
    backend.put("before", "v".into(), PutOptions::default()).await.expect("it is stored");

    let rows: Arc<Vec<Row>> = Arc::new((0..KEYS).map(|_| Row::default()).collect());
    let stop = Arc::new(AtomicBool::new(false));
    let (good, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut tasks = JoinSet::new();
    for number in 0..12_u64 {
        let (backend, rows, stop) = (backend.clone(), Arc::clone(&rows), Arc::clone(&stop));
        let (good, failed) = (Arc::clone(&good), Arc::clone(&failed));
        tasks.spawn(async move {
            let mut turn = number;
            while !stop.load(Ordering::Relaxed) {
                turn += 5;
                let done = match number {
                    0..4 => write(&backend, &rows, turn % KEYS).await.is_ok(),
                    _ => read(&backend, &rows, turn % KEYS).await,
                };
                (if done { &good } else { &failed }).fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let start = Instant::now();
    primary.kill();
    while backend.put("after", "v".into(), PutOptions::default()).await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(60), "the backend does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("the primary was killed: served again after {:?}", start.elapsed());
    says(&replica, cmd("INFO").arg("replication"), "role:master").await;
    assert_eq!(backend.get("before").await.expect("it answers"), None, "it is of the history before");
    // The old primary comes back, takes itself for one, and is made a replica.
    primary.restart();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(backend.get("after").await.expect("it answers").is_some());
    stop.store(true, Ordering::Relaxed);
    tasks.join_all().await;
    let (good, failed) = (good.load(Ordering::Relaxed), failed.load(Ordering::Relaxed));
    println!("{good} reads and writes went well, {failed} failed, none was stale");
    assert!(good > 500 && failed > 0);
}

#[tokio::test]
async fn a_service_connects_by_sentinels_and_those_that_are_dead_or_know_nothing_do_not_matter() {
    let Some((servers, sentinels, url)) = started().await else { return };
    let cache = KvCacheService::connect(&url).await.expect("the primary answers");
    cache.set("k", &1, 60).await.expect("it is stored");
    let dead = crate::server::free_port();
    let with_dead = url.replace("redis+sentinel://", &format!("valkey+sentinel://127.0.0.1:{dead},"));
    let other = KvCacheService::connect(&with_dead).await.expect("the primary answers");
    assert_eq!(other.get::<u8>("k").await.expect("it is read"), Some(1));
    let database = KvCacheService::connect(&format!("{url}/3")).await.expect("the primary answers");
    assert_eq!(database.get::<u8>("k").await.expect("it is read"), None, "another database");
    let error = KvCacheService::connect(&url.replace("/main", "/other")).await.expect_err("nobody knows it");
    let error = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(error.contains("no primary of that name"), "{error}");
    KvCacheService::connect(&url.replace("/main", "")).await.expect_err("a name is needed");
    drop((servers, sentinels));
}

#[tokio::test]
async fn sentinels_that_demand_a_password_are_asked_with_their_own() {
    const SECRET: &str = "never-to-be-shown";
    let Some(primary) = Server::start(Kind::Redis, &["--requirepass", "of-the-primary"]) else { return };
    let sentinel = Server::start_sentinel(Kind::Redis, primary.port).expect("the primary came up, too");
    let mut client = sentinel.client(0).await;
    for rule in [["asks", "on", ">right", "+@all"], ["default", "resetpass", ">alone", "+@all"]] {
        let mut command = cmd("ACL");
        command.arg("SETUSER").arg(&rule);
        let () = command.query_async(&mut client).await.expect("a Sentinel has users");
    }
    let url = format!("redis+sentinel://:of-the-primary@127.0.0.1:{}/main", sentinel.port);
    for (user, password) in [("asks", "right"), ("default", "alone")] {
        let builder = RedisBackend::builder(&url).sentinel_credentials(user, password);
        let backend = builder.connect().await.expect("the Sentinel answers");
        backend.put("k", "v".into(), PutOptions::default()).await.expect("the primary answers");
    }
    let wrong = RedisBackend::builder(&url).sentinel_credentials("asks", SECRET);
    assert!(!format!("{wrong:?}").contains(SECRET));
    for builder in [wrong, RedisBackend::builder(&url)] {
        let error = builder.connect().await.expect_err("the Sentinel refuses");
        let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(source.contains("sentinel_credentials"), "{source}");
        assert!(!format!("{error:?} {error} {source}").contains(SECRET), "{error:?}");
    }
}
