//! 2,000 tasks at once: never more than the quota, and never less.

use std::time::{Duration, Instant};

use cache_runtime::{KvCacheService, Quota, RateLimiter};
use tokio::task::JoinSet;

use crate::connect;
use crate::server::{Kind, database};

const TASKS: u32 = 2_000;

/// How much all tasks together are admitted, each asking as often as it is told.
async fn admitted(limiter: &RateLimiter, asks: u32, cost: u32) -> u64 {
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let limiter = limiter.clone();
        tasks.spawn(async move {
            let mut admitted = 0;
            for _ in 0..asks {
                let decision = limiter.check_n("ada", cost).await.expect("the backend answers");
                admitted += u64::from(if decision.allowed { cost } else { 0 });
                tokio::task::yield_now().await;
            }
            admitted
        });
    }
    tasks.join_all().await.into_iter().sum()
}

async fn the_limit_is_exact_on(cache: &KvCacheService) {
    let hour = Duration::from_hours(1);
    for (name, quota) in [("w", Quota::window(1_000, hour)), ("s", Quota::smooth(1_000, 1_000 * hour))] {
        let limiter = RateLimiter::new(cache, name, quota).expect("it can be built");
        assert_eq!(admitted(&limiter, 2, 1).await, 1_000, "{quota:?}");
        let limiter = RateLimiter::new(cache, &format!("{name}3"), quota).expect("it can be built");
        assert_eq!(admitted(&limiter, 1, 3).await, 999, "{quota:?} by threes");
    }
}

/// In real time: the burst and one an interval, whoever gets them.
async fn a_smooth_quota_is_neither_over_nor_under_used_on(cache: &KvCacheService) {
    // All of the burst comes back in half a second: nothing is lost while the machine lets nobody run for less.
    let interval = Duration::from_millis(5);
    let quota = Quota::Smooth { burst: 100, interval };
    let limiter = RateLimiter::new(cache, "real", quota).expect("it can be built");
    let start = Instant::now();
    assert!(limiter.check("ada").await.expect("the backend answers").allowed);
    let begun = start.elapsed();
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let limiter = limiter.clone();
        tasks.spawn(async move {
            let (mut admitted, mut last, mut refused) = (0_u64, Duration::ZERO, Duration::ZERO);
            while start.elapsed() < Duration::from_secs(1) {
                let asked = start.elapsed();
                let decision = limiter.check("ada").await.expect("the backend answers");
                if decision.allowed {
                    (admitted, last) = (admitted + 1, start.elapsed());
                } else {
                    refused = asked;
                }
                tokio::task::yield_now().await;
            }
            (admitted, last, refused)
        });
    }
    let all = tasks.join_all().await;
    let admitted: u64 = 1 + all.iter().map(|(admitted, ..)| admitted).sum::<u64>();
    let last = all.iter().map(|(_, last, _)| *last).max().unwrap_or_default();
    // Who is refused finds all that was due by then used, however seldom the machine lets anybody ask.
    let refused = all.iter().map(|(.., refused)| *refused).max().unwrap_or_default();
    let due = |time: Duration| u64::try_from(time.as_micros() / interval.as_micros()).expect("it is short");
    let (most, due_then) = (100 + due(last), 100 + due(refused.saturating_sub(begun)));
    println!(
        "{admitted} admitted in {last:?}; the quota is {most}, and {due_then} of it were due at the last refusal"
    );
    assert!(admitted <= most && admitted + 2 >= due_then, "{admitted} of {due_then} to {most}");
    assert!(due_then > 250, "hardly anybody was refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_thousand_tasks_are_admitted_exactly_the_limit_in_memory() {
    the_limit_is_exact_on(&KvCacheService::in_memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_thousand_tasks_are_admitted_exactly_the_limit_on_redis_and_valkey() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some((server, database)) = database(kind) else { continue };
        the_limit_is_exact_on(&connect(&server.url(database)).await).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_smooth_quota_is_neither_over_nor_under_used_in_memory() {
    a_smooth_quota_is_neither_over_nor_under_used_on(&KvCacheService::in_memory()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_smooth_quota_is_neither_over_nor_under_used_on_redis() {
    let Some((server, database)) = database(Kind::Redis) else { return };
    a_smooth_quota_is_neither_over_nor_under_used_on(&connect(&server.url(database)).await).await;
}
