//! Callers that go away in the middle leave no counter without an end: nobody is locked out for ever.

use std::future::Future;
use std::time::Duration;

use cache_runtime::{Quota, RateLimiter};
use redis::aio::MultiplexedConnection;
use redis::{AsyncCommands, RedisResult};
use tokio::task::JoinSet;

use crate::server::{Kind, database};
use crate::{connect, count};

/// Runs calls, a crowd at a time, and drops what is not over by chance. How many were dropped.
async fn drop_calls<F>(calls: u32, call: impl Fn(u32) -> F) -> u32
where
    F: Future<Output = ()> + Send + 'static,
{
    const CROWD: u32 = 200;
    let mut dropped = 0;
    for first in (0..calls).step_by(200) {
        let mut tasks = JoinSet::new();
        for number in first..calls.min(first + CROWD) {
            tasks.spawn(call(number));
        }
        // Once in a while before the first byte is sent, mostly somewhere on the way.
        for _ in 0..(first / CROWD) % 17 * 8 {
            tokio::task::yield_now().await;
        }
        tasks.abort_all();
        while let Some(ended) = tasks.join_next().await {
            dropped += u32::from(ended.is_err_and(|error| error.is_cancelled()));
        }
    }
    dropped
}

/// The keys, and how many of them have no end.
async fn keys_and_endless(client: &mut MultiplexedConnection) -> (usize, usize) {
    let mut keys: Vec<Vec<u8>> = Vec::new();
    let mut scan = client.scan::<Vec<u8>>().await.expect("the server answers");
    while let Some(key) = scan.next_item().await {
        keys.push(key.expect("the server answers"));
    }
    drop(scan);
    let mut endless = 0;
    for keys in keys.chunks(1_000) {
        let mut pipeline = redis::pipe();
        for key in keys {
            pipeline.pttl(key);
        }
        let lives: Vec<i64> = pipeline.query_async(client).await.expect("the server answers");
        endless += lives.iter().filter(|life| **life == -1).count();
    }
    (keys.len(), endless)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_thousand_dropped_calls_leave_no_counter_without_ttl() {
    let Some((server, database)) = database(Kind::Redis) else { return };
    let (url, calls) = (server.url(database), count("RATE_DROPS", 100_000));
    for quota in [Quota::window(5, Duration::from_hours(1)), Quota::smooth(5, Duration::from_hours(1))] {
        let cache = connect(&url).await;
        let limiter = RateLimiter::new(&cache, "api", quota).expect("it can be built");
        let dropped = drop_calls(calls / 2, |number| {
            let limiter = limiter.clone();
            async move {
                let _ = limiter.check(number).await;
            }
        });
        let dropped = dropped.await;
        let (keys, endless) = keys_and_endless(&mut server.client(database).await).await;
        println!("{dropped} of {} calls dropped; {keys} counters, {endless} of them without ttl", calls / 2);
        assert_eq!(endless, 0);
        assert!(dropped > calls / 20 && keys > 0, "too few were dropped on the way");
    }
}

/// The control: the same fault is seen where the counter and its end are two steps.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn incr_and_then_expire_does_leave_counters_without_ttl() {
    let Some((server, database)) = database(Kind::Redis) else { return };
    let client = server.client(database).await;
    // How many are dropped between the two steps is chance, and depends on what else the machine does.
    for round in 0..30 {
        let dropped = drop_calls(10_000, |number| {
            let (mut client, key) = (client.clone(), round * 10_000 + number);
            async move {
                let counted: RedisResult<i64> = client.incr(key, 1).await;
                if counted.is_ok_and(|counted| counted == 1) {
                    let _: RedisResult<bool> = client.expire(key, 3_600).await;
                }
            }
        });
        let dropped = dropped.await;
        let (keys, endless) = keys_and_endless(&mut server.client(database).await).await;
        println!("{dropped} of 10000 dropped by hand; {keys} counters, {endless} of them without ttl");
        if endless > 0 {
            return;
        }
    }
    panic!("no counter was left without ttl: the test above shows nothing");
}
