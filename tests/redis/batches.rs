//! Concurrent reads share a command, and nobody's leaving harms another.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_runtime::{Backend, ListOptions, PutOptions, Read, RedisBackend};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::server::{Kind, Server};

/// How often each command was called.
pub(crate) async fn calls(server: &Server) -> HashMap<String, u64> {
    let mut client = server.client(0).await;
    let info: String =
        redis::cmd("INFO").arg("commandstats").query_async(&mut client).await.expect("the server answers");
    info.lines()
        .filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        })
        .collect()
}

pub(crate) async fn reset(server: &Server) {
    let mut client = server.client(0).await;
    redis::cmd("CONFIG").arg("RESETSTAT").exec_async(&mut client).await.expect("the server answers");
}

async fn started() -> Option<(Server, RedisBackend)> {
    let server = Server::start(Kind::Redis, &[])?;
    let backend = RedisBackend::builder(&server.url(0)).connect().await.expect("the server answers");
    Some((server, backend))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_reads_at_once_are_few_commands_and_each_gets_its_value() {
    const READERS: usize = 2_000;
    let Some((server, backend)) = started().await else { return };
    let keys: Vec<String> = (0..500).map(|number| format!("k{number}")).collect();
    let entries = keys.iter().map(|key| (key.clone(), key.clone().into(), PutOptions::default()));
    backend.put_many(entries.collect()).await.expect("they are stored");
    reset(&server).await;
    let gate = Arc::new(Barrier::new(READERS));
    let mut readers = JoinSet::new();
    for number in 0..READERS {
        let (backend, key, gate) = (backend.clone(), keys[number % keys.len()].clone(), Arc::clone(&gate));
        readers.spawn(async move {
            gate.wait().await;
            match backend.read(&key).await.expect("the server answers") {
                Read::Hit(entry) => assert_eq!(entry.value, key),
                other => panic!("{key} is there: {other:?}"),
            }
        });
    }
    readers.join_all().await;
    let calls = calls(&server).await;
    let sent: u64 = ["get", "mget"].iter().filter_map(|name| calls.get(*name)).sum();
    println!("{READERS} reads at once: {sent} commands");
    assert!(sent <= READERS as u64 / 10, "{calls:?}");
}

#[tokio::test]
async fn one_reader_of_a_missing_key_gets_the_lease_and_the_others_share_its_command() {
    let Some((server, backend)) = started().await else { return };
    reset(&server).await;
    // Polled one after another on one thread: the first goes alone, the rest waits for each other.
    let reads = futures_util::future::join_all((0..100).map(|_| backend.read("missing"))).await;
    let leased = reads.iter().filter(|read| matches!(read, Ok(Read::Miss(Some(_))))).count();
    assert_eq!(leased, 1, "{reads:?}");
    assert!(reads.iter().all(|read| matches!(read, Ok(Read::Miss(Some(_)) | Read::Leased))), "{reads:?}");
    let calls = calls(&server).await;
    println!("100 reads of one missing key: {calls:?}");
    assert!(calls["get"] <= 10, "{calls:?}");
}

#[tokio::test]
async fn a_read_that_is_alone_is_sent_at_once() {
    let Some((server, backend)) = started().await else { return };
    backend.put("k", "v".into(), PutOptions::default()).await.expect("it is stored");
    reset(&server).await;
    for _ in 0..50 {
        backend.read("k").await.expect("the server answers");
    }
    assert_eq!(calls(&server).await["get"], 50, "each one is a command");
}

#[tokio::test]
async fn a_reader_that_goes_away_leaves_its_lease_to_others_and_harms_none() {
    let Some((_server, backend)) = started().await else { return };
    for polls in 0..4 {
        let key = format!("dropped{polls}");
        let mut dropped = Box::pin(backend.read(&key));
        let beside = tokio::spawn({
            let (backend, other) = (backend.clone(), format!("other{polls}"));
            async move { backend.read(&other).await }
        });
        for _ in 0..polls {
            let read = dropped.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            if let Poll::Ready(read) = read {
                // It got its answer: the lease is its own to give back.
                let Ok(Read::Miss(Some(lease))) = read else { panic!("nothing is there: {read:?}") };
                backend.release(&key, lease).await.expect("the server answers");
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        drop(dropped);
        let beside = beside.await.expect("it does not panic");
        assert!(matches!(beside, Ok(Read::Miss(Some(_)))), "{beside:?}");
        // Soon, not when a lease ends by itself.
        let mut taken = false;
        for _ in 0..100 {
            if let Read::Miss(Some(_)) = backend.read(&key).await.expect("the server answers") {
                taken = true;
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(taken, "the lease of a reader that went away after {polls} polls is nobody's");
    }
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_its_load() {
    let Some((_server, backend)) = started().await else { return };
    let Read::Miss(lease) = backend.read("slow").await.expect("the server answers") else {
        panic!("nothing is there")
    };
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    assert!(matches!(backend.read("slow").await, Ok(Read::Leased)), "another may not load yet");
    let filled = backend.fill("slow", lease, "v".into(), PutOptions::default()).await;
    assert!(filled.expect("the server answers"), "a load of 4.5 s is stored");
}

#[tokio::test]
async fn what_another_program_stored_is_read_and_never_filled_over() {
    let Some((server, backend)) = started().await else { return };
    let mut client = server.client(0).await;
    redis::cmd("SET")
        .arg("json")
        .arg("{\"a\":1}")
        .arg("PX")
        .arg(60_000)
        .exec_async(&mut client)
        .await
        .expect("set");
    redis::cmd("RPUSH").arg("list").arg("x").exec_async(&mut client).await.expect("pushed");
    let Read::Hit(entry) = backend.read("json").await.expect("the server answers") else {
        panic!("it is there")
    };
    assert_eq!(entry.value, "{\"a\":1}");
    assert!(entry.expires_in.is_some_and(|left| left <= Duration::from_secs(60)));
    assert!(matches!(backend.read("list").await, Ok(Read::Barred)), "a list is no place to fill");
    let error = backend.get("list").await.expect_err("a list is no value");
    assert!(error.to_string().contains("list"), "{error}");
    let names = backend.list(ListOptions::default()).await.expect("the server answers").keys;
    assert_eq!(names.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["json"]);
    assert!(backend.delete("list").await.expect("the server answers"));
}

#[tokio::test]
async fn a_large_value_keeps_no_other_read_waiting() {
    let Some((server, backend)) = started().await else { return };
    backend.put("large", vec![b'x'; 200_000].into(), PutOptions::default()).await.expect("it is stored");
    let small = ["a", "b", "c", "d", "e", "f", "g"];
    for key in small {
        backend.put(key, "v".into(), PutOptions::default()).await.expect("it is stored");
    }
    // Known as large from the first read on.
    assert!(matches!(backend.read("large").await, Ok(Read::Hit(_))));
    let keys = || small.iter().copied().chain(["large"]).chain(small);
    reset(&server).await;
    let reads = futures_util::future::join_all(keys().map(|key| backend.read(key))).await;
    assert!(reads.iter().all(|read| matches!(read, Ok(Read::Hit(_)))), "{reads:?}");
    let calls = calls(&server).await;
    // The first one alone, then those before the large one, it, and those after it.
    assert_eq!((calls["get"], calls["mget"]), (2, 2), "{calls:?}");
}

#[test]
fn a_runtime_that_ends_under_waiting_reads_ends_them_and_another_goes_on() {
    const LIMIT: Duration = Duration::from_secs(5);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().expect("threads are left")
    };
    // It has the connection, and stays.
    let first = runtime();
    let Some((_server, backend)) = first.block_on(started()) else { return };
    for _ in 0..20 {
        let second = runtime();
        for number in 0..256 {
            let backend = backend.clone();
            second.spawn(async move {
                let key = format!("k{number}");
                loop {
                    let _ = backend.look(&key, LIMIT).await;
                }
            });
        }
        std::thread::sleep(Duration::from_millis(5));
        drop(second);
        let read = first.block_on(async {
            tokio::time::timeout(Duration::from_secs(20), backend.look("k", LIMIT)).await
        });
        assert!(read.is_ok(), "nobody waits for a task that is gone");
    }
}
