//! Backends that are down, and backends that cannot count.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{CacheError, KvCacheService, Quota, RateLimiter};

use crate::plain::Plain;
use crate::server::{Kind, Server};
use crate::{connect, in_memory};

const QUOTA: Quota = Quota::window(10, Duration::from_mins(1));

fn without_counters() -> KvCacheService {
    KvCacheService::builder(Arc::new(Plain::default())).build().expect("a valid prefix")
}

#[tokio::test]
async fn a_backend_without_atomic_counters_is_refused_unless_about_that_much_will_do() {
    let cache = without_counters();
    let error = RateLimiter::new(&cache, "api", QUOTA).expect_err("it cannot keep its limit");
    let text = error.to_string();
    assert!(text.contains("plain has no atomic counters") && text.contains("`approximate()`"), "{text}");
    for quota in [QUOTA, Quota::smooth(10, Duration::from_mins(1))] {
        let limiter =
            RateLimiter::builder(&cache, "api", quota).approximate().build().expect("it may be built");
        for remaining in (0..10).rev() {
            let decision = limiter.check("ada").await.expect("the backend answers");
            assert_eq!(
                (decision.allowed, decision.remaining),
                (true, remaining),
                "one after another it is exact"
            );
        }
        assert!(!limiter.check("ada").await.expect("the backend answers").allowed);
    }
}

#[tokio::test]
async fn a_backend_that_is_down_is_an_error_or_lets_all_pass_as_chosen() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let cache = connect(&server.url(0)).await;
    let closed = RateLimiter::new(&cache, "api", QUOTA).expect("it can be built");
    let open = RateLimiter::builder(&cache, "api", QUOTA).fail_open().build().expect("it can be built");
    assert_eq!(closed.check("ada").await.expect("the server answers").remaining, 9);
    server.kill();
    for failed in 1..=5 {
        let error = closed.check("ada").await.expect_err("the server is down");
        let is_of_check = matches!(error, CacheError::Backend { operation: "rate_limit.check", .. });
        assert!(is_of_check, "{error}");
        let decision = open.check("ada").await.expect("it fails open");
        assert!(decision.allowed && decision.retry_after.is_none());
        assert_eq!((closed.failures(), open.failures()), (failed, failed));
    }
    server.restart();
    for _ in 0..200 {
        if let Ok(decision) = closed.check("ada").await {
            assert!(decision.remaining < 10, "it counts again");
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the limiter did not recover");
}

#[tokio::test]
async fn a_limiter_that_fails_open_still_refuses_what_its_backend_refuses() {
    let (_, cache) = in_memory();
    let open = RateLimiter::builder(&cache, "api", Quota::window(1, Duration::from_mins(1))).fail_open();
    let open = open.build().expect("it can be built");
    assert!(open.check("ada").await.expect("memory answers").allowed);
    assert!(!open.check("ada").await.expect("memory answers").allowed);
    assert!(open.check("x".repeat(600)).await.is_err(), "a bad id is no failure of the backend");
    assert_eq!(open.failures(), 0);
}
