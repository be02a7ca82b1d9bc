//! What counters, sessions and rate limits do there: they are state, and lag like everything else.

use std::time::Duration;

use cache_runtime::{CacheError, Quota, RateLimiter, SessionStore, Ttl};
use serde::{Deserialize, Serialize};

use crate::{WINDOW, network, seconds, service};

#[tokio::test]
async fn a_counter_loses_the_steps_that_other_locations_do_not_see_yet() {
    let (time, network) = network();
    let (oslo, lima) = (service(network.location("Oslo")), service(network.location("Lima")));
    let _ = oslo.set("n", &10, Ttl::NEVER).await.expect("it is stored");
    time.advance(WINDOW);
    assert_eq!(oslo.increment("n", 1).await.expect("it counts"), 11);
    seconds(&time, 1);
    // Two steps were made, and one is left.
    assert_eq!(lima.increment("n", 1).await.expect("it counts"), 11);
    time.advance(WINDOW);
    for place in [&oslo, &lima] {
        assert_eq!(place.get::<i64>("n").await.expect("it is read"), Some(11));
    }
    // At one location none is lost, one after the other.
    for expected in 12..20 {
        assert_eq!(oslo.increment("n", 1).await.expect("it counts"), expected);
        seconds(&time, 1);
    }
}

#[tokio::test]
async fn a_second_step_within_a_second_is_an_error_and_leaves_the_counter_as_it_was() {
    let (time, network) = network();
    let oslo = service(network.location("Oslo"));
    assert_eq!(oslo.increment_with_ttl("n", 1, 20).await.expect("it counts"), 1);
    let error = oslo.increment("n", 1).await.expect_err("KV refuses it");
    assert!(matches!(error, CacheError::Backend { operation: "increment", backend: "edge", .. }), "{error}");
    seconds(&time, 1);
    assert_eq!(oslo.increment("n", 1).await.expect("it counts"), 2);
    // Its time to live is that of its beginning, though KV keeps nothing for less than a minute.
    time.advance(Duration::from_millis(18_999));
    assert_eq!(oslo.get::<i64>("n").await.expect("it is read"), Some(2));
    time.advance(Duration::from_millis(1));
    assert_eq!(oslo.increment("n", 1).await.expect("it counts"), 1);
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Basket(u32);

#[tokio::test]
async fn a_session_is_known_elsewhere_after_the_window_and_is_over_there_as_late() {
    let (time, network) = network();
    let at = |location| {
        let store = SessionStore::<Basket>::builder(&service(network.location(location)));
        store.build().expect("the timeouts are good")
    };
    let (oslo, lima) = (at("Oslo"), at("Lima"));
    let is_open = async |store: &SessionStore<Basket>, token: &str| {
        store.get(token).await.expect("it is read").is_some()
    };
    let token = oslo.create_for("ada", &Basket(1)).await.expect("it begins");
    let token = token.expose();
    assert!(is_open(&oslo, token).await && !is_open(&lima, token).await);
    time.advance(WINDOW);
    assert!(is_open(&oslo, token).await && is_open(&lima, token).await);
    assert!(oslo.destroy(token).await.expect("it ends"));
    assert!(!is_open(&oslo, token).await);
    // Whoever holds the token is let in elsewhere for the rest of the window, and no longer.
    time.advance(Duration::from_millis(59_999));
    assert!(is_open(&lima, token).await);
    time.advance(Duration::from_millis(1));
    assert!(!is_open(&lima, token).await);
}

#[tokio::test]
async fn the_end_of_all_sessions_of_a_user_is_seen_elsewhere_after_the_window() {
    let (time, network) = network();
    let at = |location| {
        let store = SessionStore::<Basket>::builder(&service(network.location(location)));
        store.build().expect("the timeouts are good")
    };
    let (oslo, lima) = (at("Oslo"), at("Lima"));
    let token = oslo.create_for("ada", &Basket(1)).await.expect("it begins");
    let token = token.expose();
    time.advance(WINDOW);
    let is_open = async |store: &SessionStore<Basket>| store.get(token).await.expect("it is read").is_some();
    assert!(is_open(&lima).await);
    oslo.destroy_all("ada").await.expect("they end");
    assert!(!is_open(&oslo).await);
    time.advance(Duration::from_millis(59_999));
    assert!(is_open(&lima).await);
    time.advance(Duration::from_millis(1));
    assert!(!is_open(&lima).await);
}

#[tokio::test]
async fn a_session_that_is_changed_within_a_second_is_refused_and_of_two_locations_the_last_change_stands() {
    let (time, network) = network();
    let at = |location| {
        let store = SessionStore::<Basket>::builder(&service(network.location(location)));
        store.build().expect("the timeouts are good")
    };
    let (oslo, lima) = (at("Oslo"), at("Lima"));
    let token = oslo.create(&Basket(0)).await.expect("it begins");
    let token = token.expose();
    let add = async |store: &SessionStore<Basket>, more| store.update(token, |basket| basket.0 += more).await;
    let error = add(&oslo, 1).await.expect_err("KV takes one write a second of a key");
    assert!(matches!(error, CacheError::Backend { operation: "session.update", .. }), "{error}");
    seconds(&time, 1);
    assert_eq!(add(&oslo, 1).await.expect("it is changed"), Some(Basket(1)));
    time.advance(WINDOW);
    assert_eq!(add(&oslo, 10).await.expect("it is changed"), Some(Basket(11)));
    seconds(&time, 1);
    assert_eq!(add(&lima, 100).await.expect("it is changed"), Some(Basket(101)));
    time.advance(WINDOW);
    for store in [&oslo, &lima] {
        let session = store.get(token).await.expect("it is read").expect("it is open");
        assert_eq!(session.data, Basket(101));
    }
}

#[tokio::test]
async fn each_location_admits_the_limit_by_itself_until_it_sees_what_the_others_admitted() {
    let (time, network) = network();
    let limiter = |location| {
        let quota = Quota::window(5, Duration::from_mins(10));
        let cache = service(network.location(location));
        RateLimiter::new(&cache, "login", quota).expect_err("KV has no atomic counters");
        RateLimiter::builder(&cache, "login", quota).approximate().build().expect("the quota is good")
    };
    let places = ["Oslo", "Lima", "Pune"].map(limiter);
    let mut admitted = [0; 3];
    // In less than a window.
    for _ in 0..10 {
        for (place, admitted) in places.iter().zip(&mut admitted) {
            *admitted += u32::from(place.check("ada").await.expect("it is checked").allowed);
            seconds(&time, 1);
        }
    }
    assert_eq!(admitted, [5, 5, 5]);
    // From then on all see what the last of them has stored.
    time.advance(WINDOW);
    for place in &places {
        assert!(!place.check("ada").await.expect("it is checked").allowed);
    }
    // What is stored has an end.
    seconds(&time, 600);
    assert!(places[0].check("ada").await.expect("it is checked").allowed);
}

#[tokio::test]
async fn a_second_check_of_a_caller_within_a_second_is_an_error_or_admitted_as_chosen() {
    let (_, network) = network();
    let cache = service(network.location("Oslo"));
    let quota = Quota::smooth(60, Duration::from_mins(1));
    let closed = RateLimiter::builder(&cache, "closed", quota).approximate().build().expect("it is good");
    let open = RateLimiter::builder(&cache, "open", quota).approximate().fail_open().build();
    let open = open.expect("it is good");
    for limiter in [&closed, &open] {
        assert!(limiter.check("ada").await.expect("it is checked").allowed);
        assert!(limiter.check("bob").await.expect("it is checked").allowed);
    }
    let error = closed.check("ada").await.expect_err("KV takes one write a second of a key");
    assert!(matches!(error, CacheError::Backend { operation: "rate_limit.check", .. }), "{error}");
    assert!(open.check("ada").await.expect("it is admitted").allowed);
    assert_eq!((closed.failures(), open.failures()), (1, 1));
}
