//! Histories of requests, compared with models that are too plain to be wrong.

use std::time::Duration;

use cache_runtime::{Quota, RateLimiter};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::{count, in_memory};

/// Requests: how many microseconds after the one before, and at what cost.
fn history(longest: u64) -> impl Strategy<Value = Vec<(u64, u32)>> {
    let pause = prop_oneof![Just(0), 0..longest, 0..longest * 20];
    proptest::collection::vec((pause, prop_oneof![Just(1), Just(1), 0_u32..6]), 1..60)
}

/// What the limiter admitted of a history: when, counted from the first request, and at what cost.
fn admitted(quota: Quota, history: &[(u64, u32)]) -> Vec<(u64, u32, bool)> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be built");
    runtime.block_on(async {
        let (time, cache) = in_memory();
        let limiter = RateLimiter::new(&cache, "api", quota).expect("it can be built");
        let mut now = 0;
        let mut answers = Vec::new();
        for &(pause, cost) in history {
            time.advance(Duration::from_micros(pause));
            now += pause;
            let decision = limiter.check_n("ada", cost).await.expect("memory answers");
            answers.push((now, cost, decision.allowed));
            // What it says of now and of later is so.
            let more = decision.remaining;
            assert!(limiter.check_n("ada", 0).await.expect("memory answers").remaining == more);
            if let Some(wait) = decision.retry_after {
                assert!(!decision.allowed && !wait.is_zero() && wait <= decision.reset_after);
            }
        }
        answers
    })
}

/// A bucket of tokens in whole microseconds of refilling: each token is `interval` of them.
fn bucket(burst: u64, interval: u64, history: &[(u64, u32)]) -> Vec<bool> {
    let mut tokens = burst * interval;
    let take = |&(pause, cost): &(u64, u32)| {
        tokens = (tokens + pause).min(burst * interval);
        let price = u64::from(cost) * interval;
        let enough = price <= tokens;
        tokens -= if enough { price } else { 0 };
        enough
    };
    history.iter().map(take).collect()
}

/// A counter and the end of its window.
fn counter(limit: u32, length: u64, history: &[(u64, u32)]) -> Vec<bool> {
    let (mut now, mut end, mut counted) = (0, 0, 0);
    let take = |&(pause, cost): &(u64, u32)| {
        now += pause;
        if now >= end {
            counted = 0;
        }
        let enough = counted + cost <= limit;
        if enough && cost > 0 {
            if counted == 0 {
                end = now + length;
            }
            counted += cost;
        }
        enough
    };
    history.iter().map(take).collect()
}

fn cases() -> TestRunner {
    TestRunner::new(Config {
        cases: count("RATE_CASES", 2_000),
        failure_persistence: None,
        ..Config::default()
    })
}

#[test]
fn a_smooth_quota_is_a_bucket_of_tokens() {
    let strategy = (1_u32..12, 1_u64..5_000)
        .prop_flat_map(|(burst, interval)| (Just(burst), Just(interval), history(interval)));
    let outcome = cases().run(&strategy, |(burst, interval, history)| {
        let quota = Quota::Smooth { burst, interval: Duration::from_micros(interval) };
        let found = admitted(quota, &history);
        let expected = bucket(burst.into(), interval, &history);
        prop_assert_eq!(found.iter().map(|answer| answer.2).collect::<Vec<_>>(), expected);
        // In no stretch of time more than the burst, and one for each interval in it.
        for (from, &(start, ..)) in found.iter().enumerate() {
            let mut sum = 0;
            for &(now, cost, allowed) in &found[from..] {
                sum += u64::from(if allowed { cost } else { 0 });
                prop_assert!(sum <= u64::from(burst) + (now - start) / interval);
            }
        }
        Ok(())
    });
    outcome.expect("they are the same");
}

#[test]
fn a_window_is_a_counter_with_an_end() {
    let strategy = (1_u32..12, 1_u64..50)
        .prop_flat_map(|(limit, millis)| (Just(limit), Just(millis * 1_000), history(millis * 1_000)));
    let outcome = cases().run(&strategy, |(limit, length, history)| {
        let found = admitted(Quota::window(limit, Duration::from_micros(length)), &history);
        let expected = counter(limit, length, &history);
        prop_assert_eq!(found.iter().map(|answer| answer.2).collect::<Vec<_>>(), expected);
        Ok(())
    });
    outcome.expect("they are the same");
}

#[test]
fn the_interval_of_a_smooth_quota_is_rounded_up_by_less_than_a_microsecond() {
    let strategy = (1_u32..1_000_000, 1_000_000_u64..100_000_000_000);
    let outcome = cases().run(&strategy, |(limit, period)| {
        let Quota::Smooth { burst, interval } = Quota::smooth(limit, Duration::from_micros(period)) else {
            return Err(TestCaseError::fail("it is smooth"));
        };
        let (interval, limit) = (interval.as_micros(), u128::from(limit));
        prop_assert_eq!(u128::from(burst), limit);
        prop_assert!(interval * limit >= period.into(), "more than the limit in a period");
        prop_assert!((interval - 1) * limit < period.into(), "rounded by more than a microsecond");
        Ok(())
    });
    outcome.expect("it holds");
}
