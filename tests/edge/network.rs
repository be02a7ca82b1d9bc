//! When a change is seen where, and what is refused.

use bytes::Bytes;
use cache_runtime::testing::{EdgeLocation, EdgeNetwork, ManualClock};
use cache_runtime::{Backend, BackendError, KvNamespace, ListOptions, PutOptions};
use std::sync::Arc;
use std::time::Duration;

use crate::{WINDOW, network, seconds};

async fn put(backend: &EdgeLocation, value: &'static str) -> Result<(), BackendError> {
    backend.put("k", Bytes::from_static(value.as_bytes()), PutOptions::default()).await.map(drop)
}

async fn get(backend: &EdgeLocation) -> Option<Bytes> {
    backend.get("k").await.expect("it is read").map(|entry| entry.value)
}

async fn is_listed(backend: &EdgeLocation) -> bool {
    !backend.list(ListOptions::default()).await.expect("it is listed").keys.is_empty()
}

#[tokio::test]
async fn a_change_is_seen_at_once_where_it_was_made_and_elsewhere_after_the_window() {
    let (time, network) = network();
    let (oslo, lima) = (network.location("Oslo"), network.location("Lima"));
    put(&oslo, "old").await.expect("it is stored");
    assert_eq!((get(&oslo).await, get(&lima).await), (Some("old".into()), None));
    assert!(is_listed(&oslo).await && !is_listed(&lima).await);
    // The same name is the same location, whoever asks.
    assert_eq!(get(&network.location("Oslo")).await, Some("old".into()));
    seconds(&time, 30);
    put(&oslo, "new").await.expect("it is stored");
    seconds(&time, 30);
    // The first is there by now, the second is not.
    assert_eq!((get(&oslo).await, get(&lima).await), (Some("new".into()), Some("old".into())));
    time.advance(Duration::from_millis(29_999));
    assert_eq!(get(&lima).await, Some("old".into()));
    oslo.delete("k").await.expect("it is removed");
    time.advance(Duration::from_millis(1));
    assert_eq!((get(&oslo).await, get(&lima).await), (None, Some("new".into())));
    time.advance(Duration::from_millis(59_999));
    assert_eq!(get(&lima).await, None);
    assert!(!is_listed(&lima).await);
}

#[tokio::test]
async fn the_last_write_wins_wherever_it_was_made() {
    let (time, network) = network();
    let (oslo, lima) = (network.location("Oslo"), network.location("Lima"));
    put(&oslo, "first").await.expect("it is stored");
    seconds(&time, 1);
    put(&lima, "second").await.expect("it is stored");
    assert_eq!((get(&oslo).await, get(&lima).await), (Some("first".into()), Some("second".into())));
    seconds(&time, 60);
    assert_eq!((get(&oslo).await, get(&lima).await), (Some("second".into()), Some("second".into())));
}

#[tokio::test]
async fn by_chance_each_change_takes_its_own_time_up_to_the_window_and_the_same_for_the_same_seed() {
    let times = async |seed| {
        let time = ManualClock::new();
        let network = EdgeNetwork::builder().clock(time.clock()).by_chance(seed).build();
        let (oslo, lima) = (network.location("Oslo"), network.location("Lima"));
        let mut times = Vec::new();
        for _ in 0..40 {
            put(&oslo, "v").await.expect("it is stored");
            let mut took = 0;
            while get(&lima).await.is_none() {
                seconds(&time, 1);
                took += 1;
            }
            times.push(took);
            seconds(&time, 1);
            oslo.delete("k").await.expect("it is removed");
            seconds(&time, 120);
            assert_eq!(get(&lima).await, None);
        }
        times
    };
    let found = times(1).await;
    assert!(found.iter().all(|took| *took <= 60), "{found:?}");
    assert!(found.iter().any(|took| *took < 10) && found.iter().any(|took| *took > 50), "{found:?}");
    assert_eq!(found, times(1).await);
    assert_ne!(found, times(2).await);
}

#[tokio::test]
async fn a_key_takes_one_write_a_second_wherever_it_is_made() {
    let (time, network) = network();
    let (oslo, lima) = (network.location("Oslo"), network.location("Lima"));
    put(&oslo, "first").await.expect("it is stored");
    time.advance(Duration::from_millis(999));
    for location in [&oslo, &lima] {
        let error = put(location, "second").await.expect_err("it is too soon");
        assert!(matches!(error, BackendError::Unavailable(_)));
        let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert_eq!(why, "too many requests: KV PUT failed: 429 Too Many Requests");
        location.delete("k").await.expect_err("it is too soon");
    }
    assert_eq!(get(&oslo).await, Some("first".into()));
    // Another key is another matter, and what was refused does not count.
    oslo.delete("other").await.expect("it is removed");
    time.advance(Duration::from_millis(1));
    put(&lima, "second").await.expect("it is stored");
}

#[tokio::test]
async fn a_ttl_under_a_minute_is_served_past_its_end_at_no_location() {
    let time = ManualClock::new();
    let window = Duration::from_secs(10);
    let network = EdgeNetwork::builder().clock(time.clock()).window(window).build();
    let (oslo, lima) = (network.location("Oslo"), network.location("Lima"));
    let options = PutOptions::with_ttl(Duration::from_millis(12_500));
    let _ = oslo.put("k", "v".into(), options).await.expect("it is stored");
    time.advance(Duration::from_millis(12_499));
    for location in [&oslo, &lima] {
        assert!(get(location).await.is_some() && is_listed(location).await);
        let entry = location.get("k").await.expect("it is read").expect("it is there");
        assert_eq!(entry.expires_in, Some(Duration::from_millis(1)));
    }
    time.advance(Duration::from_millis(1));
    for location in [&oslo, &lima] {
        assert!(get(location).await.is_none() && !is_listed(location).await);
    }
}

#[tokio::test]
async fn what_ends_by_kv_alone_may_be_seen_elsewhere_for_a_window_more() {
    let (time, network) = network();
    let (oslo, lima) = (network.location("Oslo"), network.location("Lima"));
    let kv = |location: &EdgeLocation| KvNamespace::new(Arc::new(location.clone()));
    let refused = kv(&oslo).put("k", "v").expiration_ttl(59).execute().await.expect_err("it is too short");
    let why = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
    assert!(why.contains("Expiration TTL must be at least 60."), "{why}");
    let _ = kv(&oslo).put("k", "v").expiration_ttl(90).execute().await.expect("it is stored");
    seconds(&time, 90);
    assert_eq!((get(&oslo).await, get(&lima).await), (None, Some("v".into())));
    time.advance(WINDOW);
    assert_eq!(get(&lima).await, None);
}

#[tokio::test]
async fn a_read_with_a_cache_ttl_serves_the_copy_that_such_a_read_left_for_as_long() {
    let (time, network) = network();
    let (oslo, lima) = (network.location("Oslo"), network.location("Lima"));
    let kv = KvNamespace::new(Arc::new(lima.clone()));
    let patient = async || kv.get("k").cache_ttl(300).bytes().await.expect("it is read");
    // That there is nothing is kept as well.
    assert_eq!(patient().await, None);
    put(&oslo, "v").await.expect("it is stored");
    seconds(&time, 299);
    assert_eq!((get(&lima).await, patient().await), (Some("v".into()), None));
    seconds(&time, 1);
    assert_eq!(patient().await, Some("v".into()));
    // A write at the location replaces its copy.
    put(&lima, "new").await.expect("it is stored");
    assert_eq!(patient().await, Some("new".into()));
}
