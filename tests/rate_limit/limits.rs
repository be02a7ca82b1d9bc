//! What a limiter admits, and whose quota it takes.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{Backend, CacheError, KvCacheService, LocalKvNamespace, Quota, RateLimiter};

use crate::in_memory;

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn a_window_admits_its_limit_and_begins_again_when_it_is_over() {
    let (time, cache) = in_memory();
    let limiter = RateLimiter::new(&cache, "api", Quota::window(3, MINUTE)).expect("it can be built");
    for remaining in [2, 1, 0] {
        let decision = limiter.check("ada").await.expect("memory answers");
        assert_eq!((decision.allowed, decision.limit, decision.remaining), (true, 3, remaining));
        assert_eq!((decision.reset_after, decision.retry_after), (MINUTE, None));
    }
    time.advance(MINUTE / 3);
    let refused = limiter.check("ada").await.expect("memory answers");
    assert_eq!((refused.allowed, refused.remaining), (false, 0));
    assert_eq!((refused.reset_after, refused.retry_after), (MINUTE * 2 / 3, Some(MINUTE * 2 / 3)));
    time.advance(MINUTE * 2 / 3);
    assert!(limiter.check("ada").await.expect("memory answers").allowed);
}

#[tokio::test]
async fn a_smooth_quota_comes_back_evenly_up_to_its_burst() {
    let (time, cache) = in_memory();
    let quota = Quota::smooth(60, MINUTE).with_burst(3);
    let limiter = RateLimiter::new(&cache, "api", quota).expect("it can be built");
    assert!(limiter.check_n("ada", 3).await.expect("memory answers").allowed);
    let refused = limiter.check_n("ada", 2).await.expect("memory answers");
    assert_eq!((refused.allowed, refused.remaining), (false, 0));
    assert_eq!(refused.retry_after, Some(Duration::from_secs(2)));
    assert_eq!(refused.reset_after, Duration::from_secs(3));
    time.advance(Duration::from_secs(2));
    assert!(limiter.check_n("ada", 2).await.expect("memory answers").allowed);
    // However long nobody asks, no more than the burst is there.
    time.advance(MINUTE * 60);
    assert_eq!(limiter.check_n("ada", 0).await.expect("memory answers").remaining, 3);
    assert!(!limiter.check_n("ada", 4).await.expect("memory answers").allowed);
}

#[tokio::test]
async fn no_id_can_use_the_quota_of_another() {
    let (_, cache) = in_memory();
    let limiter = RateLimiter::new(&cache, "api", Quota::window(1, MINUTE)).expect("it can be built");
    let ids = ["a", "a:", ":a", "a:b", "a%3Ab", "*", "a*", "", " ", "a b", "a/b", "\u{0}", "ä", "A", "../a"];
    for id in ids {
        assert!(limiter.check(id).await.expect("memory answers").allowed, "{id:?}");
    }
    for id in ids {
        assert!(!limiter.check(id).await.expect("memory answers").allowed, "{id:?}");
    }
    assert!(limiter.check(7_u64).await.expect("memory answers").allowed);
    assert!(!limiter.check("7").await.expect("memory answers").allowed, "a number is its text");
}

#[tokio::test]
async fn limiters_are_told_apart_by_name_kind_and_prefix_and_shared_by_all_three() {
    let backend: Arc<dyn Backend> = Arc::new(LocalKvNamespace::new());
    let service = |prefix: &str| {
        KvCacheService::builder(Arc::clone(&backend)).prefix(prefix).build().expect("a valid prefix")
    };
    let (window, smooth) = (Quota::window(1, MINUTE), Quota::smooth(1, MINUTE));
    let limiters = [("app", "login", window), ("app", "api", window), ("app", "api", smooth)];
    let limiters = limiters.into_iter().chain([("billing", "api", window), ("app", "api", window)]);
    let mut allowed = Vec::new();
    for (prefix, name, quota) in limiters {
        let limiter = RateLimiter::new(&service(prefix), name, quota).expect("it can be built");
        allowed.push(limiter.check("ada").await.expect("memory answers").allowed);
    }
    assert_eq!(allowed, [true, true, true, true, false], "the last is the second one again");
}

#[tokio::test]
async fn clear_leaves_what_was_used_and_no_key_shows() {
    let (_, cache) = in_memory();
    let limiter = RateLimiter::new(&cache, "api", Quota::window(1, MINUTE)).expect("it can be built");
    assert!(limiter.check("ada").await.expect("memory answers").allowed);
    assert_eq!(cache.keys("*").await.expect("memory answers"), Vec::<String>::new());
    assert_eq!(cache.clear().await.expect("memory answers"), 0);
    assert!(!limiter.check("ada").await.expect("memory answers").allowed);
}

#[tokio::test]
async fn a_wall_clock_set_back_or_forth_changes_no_limit() {
    let (time, cache) = in_memory();
    for quota in [Quota::window(1, MINUTE), Quota::smooth(1, MINUTE)] {
        let limiter = RateLimiter::new(&cache, "api", quota).expect("it can be built");
        assert!(limiter.check("ada").await.expect("memory answers").allowed);
        for wall in [Duration::ZERO, Duration::from_hours(1_000_000)] {
            time.set_unix_time(wall);
            assert!(!limiter.check("ada").await.expect("memory answers").allowed);
        }
    }
}

#[tokio::test]
async fn another_limit_under_the_same_name_goes_on_with_what_was_used() {
    let (_, cache) = in_memory();
    let build =
        |limit| RateLimiter::new(&cache, "api", Quota::window(limit, MINUTE)).expect("it can be built");
    assert_eq!(build(10).check_n("ada", 6).await.expect("memory answers").remaining, 4);
    let lowered = build(5).check("ada").await.expect("memory answers");
    assert_eq!((lowered.allowed, lowered.remaining), (false, 0));
    assert_eq!(build(20).check("ada").await.expect("memory answers").remaining, 13);
}

#[tokio::test]
async fn what_cannot_be_a_limiter_is_refused_with_the_fix() {
    let (_, cache) = in_memory();
    let cases = [
        ("", Quota::window(1, MINUTE), "the name of a rate limiter is 1 to 64"),
        ("a:b", Quota::window(1, MINUTE), "the name of a rate limiter is 1 to 64"),
        ("api", Quota::window(0, MINUTE), "its limit is zero; give at least 1"),
        ("api", Quota::smooth(0, MINUTE), "its limit is zero; give at least 1"),
        ("api", Quota::window(1, Duration::ZERO), "shorter than a millisecond"),
        ("api", Quota::window(1, Duration::MAX), "longer than 142 years"),
        ("api", Quota::smooth(1_001, Duration::from_millis(1)), "more than one a microsecond"),
        ("api", Quota::smooth(1, Duration::MAX), "longer than 142 years"),
        ("api", Quota::smooth(1, MINUTE).with_burst(u32::MAX), "longer than 142 years"),
    ];
    for (name, quota, why) in cases {
        let error = RateLimiter::new(&cache, name, quota).expect_err("it cannot be built");
        assert!(
            matches!(&error, CacheError::Configuration(text) if text.contains(why)),
            "{quota:?}: {error}"
        );
    }
}

#[tokio::test]
async fn an_id_longer_than_a_key_is_an_error_and_not_shown() {
    let (_, cache) = in_memory();
    let limiter = RateLimiter::new(&cache, "api", Quota::window(1, MINUTE)).expect("it can be built");
    let error = limiter.check("x".repeat(600)).await.expect_err("it is too long");
    assert!(matches!(error, CacheError::InvalidKey { operation: "rate_limit.check", .. }), "{error}");
    assert!(!format!("{error} {error:?}").contains("xx"));
}
