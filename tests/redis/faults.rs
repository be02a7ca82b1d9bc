//! What a server and a network do to a cache: every call ends in time, nothing panics, and the cache works again
//! without a restart.

use std::future::Future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cache_runtime::{Backend, BackendError, ListOptions, PutOptions, Read, RedisBackend, SetOutcome};

use crate::kinds::on_each_kind;
use crate::proxy::{Mode, Proxy};
use crate::server::{Kind, Server, database};

/// The limits of the backends here, and what a call may take with both of them, on a busy machine.
const CONNECT: Duration = Duration::from_millis(500);
const COMMAND: Duration = Duration::from_millis(300);
const BOUND: Duration = Duration::from_secs(3);

async fn connect(url: &str) -> RedisBackend {
    let builder = RedisBackend::builder(url).connect_timeout(CONNECT).command_timeout(COMMAND);
    builder.connect().await.expect("the server answers")
}

/// The result of a call that ends within the bound.
async fn bounded<T>(what: &str, call: impl Future<Output = T>) -> T {
    let start = Instant::now();
    let result = tokio::time::timeout(BOUND, call).await;
    println!("{what}: {:?}", start.elapsed());
    result.unwrap_or_else(|_| panic!("{what} hangs"))
}

async fn put(backend: &RedisBackend, key: &str) -> Result<SetOutcome, BackendError> {
    backend.put(key, Bytes::from_static(b"value"), PutOptions::default()).await
}

/// Waits until the backend works again by itself.
async fn recovers(backend: &RedisBackend) {
    let start = Instant::now();
    while put(backend, "again").await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(10), "the backend does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("recovered after {:?}", start.elapsed());
    let found = backend.get("again").await.expect("the server answers").expect("the value is there");
    assert_eq!(found.value, "value");
}

on_each_kind!(
    a_dead_server_costs_few_calls_their_time_and_its_return_is_noticed,
    a_server_killed_and_restarted_under_load_fails_calls_in_time_and_serves_again,
    a_restart_from_an_old_dump_brings_no_old_value_back,
    a_lease_that_came_back_with_an_old_dump_proves_nothing,
    a_stopped_server_costs_its_timeouts_once_and_serves_when_it_goes_on,
    a_server_without_memory_refuses_and_still_deletes,
    a_replica_refuses_writes_and_serves_reads,
    a_server_that_reads_its_dump_is_waited_for,
    too_many_connections_are_an_error_until_there_is_room,
    flushed_scripts_are_loaded_again,
    a_server_that_does_not_show_its_history_serves_all_the_same,
    no_command_that_looks_at_or_removes_all_keys_is_ever_sent,
);

async fn a_dead_server_costs_few_calls_their_time_and_its_return_is_noticed(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let backend = connect(&server.url(0)).await;
    put(&backend, "k").await.expect("the server answers");
    server.kill();
    let start = Instant::now();
    for _ in 0..1_000 {
        bounded_quietly(backend.get("k")).await.expect_err("nobody answers");
    }
    println!("1,000 calls to a dead server: {:?}", start.elapsed());
    assert!(start.elapsed() < BOUND);
    server.restart();
    recovers(&backend).await;
}

async fn bounded_quietly<T>(call: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, call).await.unwrap_or_else(|_| panic!("a call hangs"))
}

async fn a_server_killed_and_restarted_under_load_fails_calls_in_time_and_serves_again(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let backend = connect(&server.url(0)).await;
    let mut tasks = tokio::task::JoinSet::new();
    let end = Instant::now() + Duration::from_secs(3);
    for number in 0..16 {
        let backend = backend.clone();
        tasks.spawn(async move {
            let (mut good, mut failed, mut longest) = (0_u32, 0_u32, Duration::ZERO);
            while Instant::now() < end {
                let start = Instant::now();
                let key = format!("k{}", number % 4);
                let done = match bounded_quietly(backend.read(&key)).await {
                    Ok(Read::Miss(lease)) => {
                        bounded_quietly(backend.fill(&key, lease, "v".into(), PutOptions::default()))
                            .await
                            .is_ok()
                    }
                    Ok(Read::Hit(entry)) => {
                        assert_eq!(entry.value, "v");
                        true
                    }
                    Ok(_) => true,
                    Err(_) => false,
                };
                longest = longest.max(start.elapsed());
                if done {
                    good += 1;
                } else {
                    failed += 1;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            (good, failed, longest)
        });
    }
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(400)).await;
        server.kill();
        tokio::time::sleep(Duration::from_millis(200)).await;
        server.restart();
    }
    let seen = tasks.join_all().await;
    let good: u32 = seen.iter().map(|(good, ..)| good).sum();
    let failed: u32 = seen.iter().map(|(_, failed, _)| failed).sum();
    let longest = seen.iter().map(|(.., longest)| *longest).max().unwrap_or_default();
    println!("3 kills under load: {good} served, {failed} failed, the longest took {longest:?}");
    assert!(good > 500 && failed > 0);
    recovers(&backend).await;
}

async fn a_restart_from_an_old_dump_brings_no_old_value_back(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let backend = connect(&server.url(0)).await;
    let (old, barred) = ("old", "barred");
    put(&backend, old).await.expect("the server answers");
    let token = backend.begin_write(&[barred], Duration::from_secs(60)).await.expect("the server answers");
    let mut client = server.client(0).await;
    redis::cmd("SAVE").exec_async(&mut client).await.expect("the dump is written");
    backend.delete(old).await.expect("the server answers");
    server.kill();
    server.restart();
    let raw: Option<Vec<u8>> = redis::cmd("GET")
        .arg(old)
        .query_async(&mut server.client(0).await)
        .await
        .expect("the server answers");
    assert!(raw.is_some(), "the dump holds what was deleted since");
    assert_eq!(backend.get(old).await.expect("the server answers"), None);
    assert_eq!(backend.get_many(&[old]).await.expect("the server answers"), [None]);
    assert!(backend.list(ListOptions::default()).await.expect("the server answers").keys.is_empty());
    // A write from before ends, and does not store what it knows: others may be forgotten.
    let update = Some((Bytes::from_static(b"update"), PutOptions::default()));
    backend.finish_write(&[barred], token, update).await.expect("the server answers");
    assert_eq!(backend.get(barred).await.expect("the server answers"), None);
    // And what is read next replaces it.
    let Read::Miss(Some(lease)) = backend.read(old).await.expect("the server answers") else {
        panic!("the old value is in the way")
    };
    assert!(backend.fill(old, Some(lease), "new".into(), PutOptions::default()).await.expect("it answers"));
    assert_eq!(backend.get(old).await.expect("it answers").map(|entry| entry.value), Some("new".into()));
}

async fn a_lease_that_came_back_with_an_old_dump_proves_nothing(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let backend = connect(&server.url(0)).await;
    let Read::Miss(Some(lease)) = backend.read("k").await.expect("the server answers") else {
        panic!("nothing is there")
    };
    redis::cmd("SAVE").exec_async(&mut server.client(0).await).await.expect("the dump is written");
    // Somebody changes the key, which the server forgets.
    backend.delete("k").await.expect("the server answers");
    server.kill();
    server.restart();
    backend.health().await.expect("the server is back");
    let filled = backend.fill("k", Some(lease), "old".into(), PutOptions::default()).await;
    assert!(!filled.expect("the server answers"), "the fill says that nothing has changed the key");
    assert_eq!(backend.get("k").await.expect("the server answers"), None);
}

async fn a_stopped_server_costs_its_timeouts_once_and_serves_when_it_goes_on(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let backend = connect(&server.url(0)).await;
    put(&backend, "k").await.expect("the server answers");
    server.signal("STOP");
    for number in 0..4 {
        bounded(&format!("call {number} to a stopped server"), backend.get("k"))
            .await
            .expect_err("nobody answers");
    }
    let start = Instant::now();
    for _ in 0..100 {
        bounded_quietly(backend.get("k")).await.expect_err("nobody answers");
    }
    println!("100 more: {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(5));
    server.signal("CONT");
    recovers(&backend).await;
}

async fn a_server_without_memory_refuses_and_still_deletes(kind: Kind) {
    let Some(server) = Server::start(kind, &["--maxmemory-policy", "noeviction"]) else { return };
    let backend = connect(&server.url(0)).await;
    for key in ["k", "l"] {
        put(&backend, key).await.expect("the server answers");
    }
    let mut client = server.client(0).await;
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("maxmemory")
        .arg("1")
        .exec_async(&mut client)
        .await
        .expect("it is set");
    let error = put(&backend, "other").await.expect_err("there is no room");
    assert!(error.to_string().contains("OOM"), "{error}");
    // A reader loads, and does not fill.
    assert!(matches!(backend.read("missing").await, Ok(Read::Barred)));
    assert!(backend.get("k").await.expect("reads go on").is_some());
    // A write is told that there is no barrier, and its key is gone all the same.
    let error = backend.begin_write(&["k"], COMMAND).await.expect_err("there is no room");
    assert!(error.to_string().contains("OOM"), "{error}");
    assert_eq!(backend.get("k").await.expect("reads go on"), None);
    assert!(backend.delete("l").await.expect("deletes go on"));
    backend.finish_write(&["k"], None, None).await.expect("so do the ends of writes");
    redis::cmd("CONFIG")
        .arg("SET")
        .arg("maxmemory")
        .arg("0")
        .exec_async(&mut client)
        .await
        .expect("it is set");
    put(&backend, "other").await.expect("there is room again");
}

async fn a_replica_refuses_writes_and_serves_reads(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let backend = connect(&server.url(0)).await;
    put(&backend, "k").await.expect("the server answers");
    let mut client = server.client(0).await;
    let replica_of = |host: &'static str, port: &'static str| {
        let mut command = redis::cmd("REPLICAOF");
        command.arg(host).arg(port);
        command
    };
    replica_of("127.0.0.1", "1").exec_async(&mut client).await.expect("it becomes a replica");
    let error = put(&backend, "k").await.expect_err("it is a replica");
    assert!(error.to_string().contains("READONLY"), "{error}");
    bounded("a read from a replica", backend.read("missing")).await.expect("it reads");
    replica_of("NO", "ONE").exec_async(&mut client).await.expect("it becomes a primary");
    recovers(&backend).await;
}

async fn a_server_that_reads_its_dump_is_waited_for(kind: Kind) {
    let Some(server) =
        Server::start(kind, &["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"])
    else {
        return;
    };
    let backend = connect(&server.url(0)).await;
    let mut client = server.client(0).await;
    redis::cmd("DEBUG").arg("POPULATE").arg(2_000).exec_async(&mut client).await.expect("it is filled");
    redis::cmd("SAVE").exec_async(&mut client).await.expect("the dump is written");
    server.kill();
    server.restart();
    let first = bounded("a call while the dump is read", backend.get("k")).await;
    println!("it said: {first:?}");
    recovers(&backend).await;
}

async fn too_many_connections_are_an_error_until_there_is_room(kind: Kind) {
    let Some(server) = Server::start(kind, &["--maxclients", "2"]) else { return };
    let (first, second) = (server.client(0).await, server.client(0).await);
    let builder = RedisBackend::builder(&server.url(0)).connect_timeout(CONNECT).command_timeout(COMMAND);
    let backend = builder.build().expect("the address is one");
    bounded("a connection too many", backend.get("k")).await.expect_err("there is no room");
    drop((first, second));
    recovers(&backend).await;
}

#[tokio::test]
async fn whatever_a_network_does_calls_end_and_the_backend_recovers() {
    let Some((server, database)) = database(Kind::Redis) else { return };
    let proxy = Proxy::before(server.port).await;
    let backend = connect(&proxy.url(database)).await;
    for mode in [Mode::Delay, Mode::Reset, Mode::Swallow, Mode::Truncate, Mode::Garbage] {
        proxy.set(mode);
        for number in 0..6 {
            let what = format!("{mode:?}, read {number}");
            let found = bounded(&what, backend.read("k")).await;
            if let Ok(Read::Hit(entry)) = found {
                panic!("{what} gave {entry:?}, and nothing was stored");
            }
            let _ = bounded(&format!("{mode:?}, begin"), backend.begin_write(&["w"], COMMAND)).await;
        }
        proxy.set(Mode::Pass);
        recovers(&backend).await;
    }
    assert!(proxy.connections() > 3, "{}", proxy.connections());
}

async fn flushed_scripts_are_loaded_again(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let backend = connect(&server.url(0)).await;
    assert_eq!(backend.increment("n", 1, None).await.expect("it counts"), 1);
    let mut client = server.client(0).await;
    redis::cmd("SCRIPT").arg("FLUSH").exec_async(&mut client).await.expect("they are flushed");
    assert_eq!(backend.increment("n", 1, None).await.expect("it counts"), 2);
}

#[test]
fn a_backend_outlives_the_executor_that_connected_it() {
    let Some((server, database)) = database(Kind::Redis) else { return };
    let executor = || tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let backend = RedisBackend::builder(&server.url(database)).build().expect("the address is one");
    for round in 0..3 {
        let executor = executor().expect("an executor starts");
        executor.block_on(async {
            // What went down with the executor before is noticed by the first call.
            let key = format!("k{round}");
            let read = bounded("the first read on another executor", backend.read(&key)).await;
            let Ok(Read::Miss(lease @ Some(_))) = read else { panic!("nothing is there: {read:?}") };
            let filled = backend.fill(&key, lease, "v".into(), PutOptions::default()).await;
            assert!(filled.expect("the server answers"));
            // One that is given up with its load, and the read of another.
            let _ = backend.read("other").await.expect("the server answers");
        });
        // In the middle of many reads.
        for number in 0..100 {
            let backend = backend.clone();
            executor.spawn(async move { backend.read(&format!("r{number}")).await });
        }
        drop(executor);
    }
}

async fn a_server_that_does_not_show_its_history_serves_all_the_same(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let mut client = server.client(0).await;
    let mut acl = redis::cmd("ACL");
    acl.arg("SETUSER").arg("blind").arg("on").arg(">pass").arg("~*").arg("+@all").arg("-info");
    acl.exec_async(&mut client).await.expect("the user is made");
    let url = format!("redis://blind:pass@127.0.0.1:{}", server.port);
    let blind = connect(&url).await;
    put(&blind, "k").await.expect("it is stored");
    assert_eq!(blind.get("k").await.expect("it is read").map(|entry| entry.value), Some("value".into()));
    let Read::Miss(lease) = blind.read("filled").await.expect("it is read") else {
        panic!("it is not there")
    };
    assert!(blind.fill("filled", lease, "v".into(), PutOptions::default()).await.expect("it is filled"));
    assert!(matches!(blind.read("filled").await, Ok(Read::Hit(_))));
}

async fn no_command_that_looks_at_or_removes_all_keys_is_ever_sent(kind: Kind) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let backend = connect(&server.url(0)).await;
    for key in ["app:1", "app:2", "other:1"] {
        put(&backend, key).await.expect("it is stored");
    }
    backend
        .list(ListOptions { prefix: "app:".into(), ..ListOptions::default() })
        .await
        .expect("it is listed");
    assert_eq!(backend.delete_prefix("app:").await.expect("they are removed"), 2);
    assert_eq!(backend.delete_prefix("").await.expect("they are removed"), 1);
    let mut client = server.client(0).await;
    let calls: String =
        redis::cmd("INFO").arg("commandstats").query_async(&mut client).await.expect("the server answers");
    for command in ["keys", "flushdb", "flushall"] {
        assert!(!calls.contains(&format!("cmdstat_{command}:")), "{calls}");
    }
}
