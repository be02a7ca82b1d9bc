//! What is special to `LocalKvNamespace`: memory is bounded and returned, and Cloudflare's refusals are its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cache_runtime::testing::ManualClock;
use cache_runtime::{
    Backend, BackendError, Clock, ListOptions, LocalKvNamespace, PutOptions, Read, SetOutcome,
};

/// What an entry weighs beside its bytes, as documented.
const OVERHEAD: usize = 320;

fn manual() -> (ManualClock, LocalKvNamespace) {
    let time = ManualClock::new();
    let namespace = LocalKvNamespace::builder().clock(time.clock()).build();
    (time, namespace)
}

async fn put(namespace: &LocalKvNamespace, key: &str, value: impl Into<Bytes>, ttl: Option<Duration>) {
    let outcome = namespace.put(key, value.into(), PutOptions { ttl, metadata: None }).await;
    assert_eq!(outcome.expect("the put is accepted"), SetOutcome::Stored);
}

async fn has(namespace: &LocalKvNamespace, key: &str) -> bool {
    namespace.get(key).await.expect("the get is accepted").is_some()
}

/// Waits in real time, as the sweeper does.
async fn until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn what_has_expired_is_removed_without_any_call() {
    let namespace = LocalKvNamespace::builder().clock(Clock::system()).build();
    put(&namespace, "short", vec![0; 10_000], Some(Duration::from_millis(50))).await;
    put(&namespace, "stays", "v", None).await;
    let left = "stays".len() + "v".len() + OVERHEAD;
    until("the expired value still weighs", || namespace.weight() == left).await;
    assert!(has(&namespace, "stays").await);
    // And again, after the sweeper has had nothing to do.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    put(&namespace, "short", vec![0; 10_000], Some(Duration::from_millis(50))).await;
    until("the second expired value still weighs", || namespace.weight() == left).await;
}

#[tokio::test]
async fn the_sweeper_keeps_no_namespace_alive() {
    struct Guard(Arc<[u8; 7]>);
    impl AsRef<[u8]> for Guard {
        fn as_ref(&self) -> &[u8] {
            &*self.0
        }
    }
    let alive = Arc::new(*b"guarded");
    let namespace = LocalKvNamespace::new();
    let value = Bytes::from_owner(Guard(Arc::clone(&alive)));
    put(&namespace, "k", value, Some(Duration::from_hours(1))).await;
    let clone = namespace.clone();
    drop(namespace);
    assert_eq!(Arc::strong_count(&alive), 2, "a clone is the same namespace");
    drop(clone);
    until("the namespace outlives its handles", || Arc::strong_count(&alive) == 1).await;
}

#[tokio::test]
async fn each_change_removes_some_of_what_has_expired() {
    let (time, namespace) = manual();
    for number in 0..100 {
        put(&namespace, &format!("k{number}"), "v", Some(Duration::from_secs(1))).await;
    }
    time.advance(Duration::from_secs(1));
    for _ in 0..10 {
        put(&namespace, "other", "v", None).await;
    }
    assert_eq!(namespace.weight(), "other".len() + "v".len() + OVERHEAD);
}

#[tokio::test]
async fn remove_expired_removes_all_of_it_and_counts() {
    let (time, namespace) = manual();
    for number in 1..=100 {
        put(&namespace, &format!("k{number}"), "v", Some(Duration::from_secs(number))).await;
    }
    assert_eq!(namespace.remove_expired(), 0);
    time.advance(Duration::from_mins(1));
    // The thread may have been here first.
    assert!(namespace.remove_expired() <= 60);
    let page = namespace.list(ListOptions::default()).await.expect("the list is accepted");
    assert_eq!(page.keys.len(), 40);
    assert_eq!(namespace.remove_expired(), 0);
}

#[tokio::test]
async fn a_wall_clock_set_back_or_forth_changes_nothing() {
    let (time, namespace) = manual();
    put(&namespace, "k", "v", Some(Duration::from_secs(10))).await;
    time.set_unix_time(Duration::ZERO);
    assert!(has(&namespace, "k").await);
    time.set_unix_time(Duration::from_hours(1_000_000));
    assert!(has(&namespace, "k").await);
    time.set_unix_time(Duration::ZERO);
    time.advance(Duration::from_secs(10));
    assert!(!has(&namespace, "k").await);
}

#[tokio::test]
async fn the_weight_stays_under_the_capacity_and_the_used_stay() {
    let capacity = 100 * (OVERHEAD + 4 + 100);
    let namespace = LocalKvNamespace::builder().capacity_bytes(capacity).build();
    for number in 0..1_000 {
        put(&namespace, &format!("{number:04}"), vec![0; 100], None).await;
        assert!(namespace.weight() <= capacity);
        if number >= 10 {
            for used in 0..10 {
                assert!(has(&namespace, &format!("{used:04}")).await, "a key in use was evicted");
            }
        }
    }
    assert_eq!(namespace.weight(), capacity, "no more was evicted than needed");
}

#[tokio::test]
async fn one_that_is_too_heavy_is_not_stored_and_neither_is_the_one_before() {
    let namespace = LocalKvNamespace::builder().capacity_bytes(1_000).build();
    put(&namespace, "other", "v", None).await;
    put(&namespace, "k", "old", None).await;
    put(&namespace, "k", vec![0; 1_000], None).await;
    assert!(!has(&namespace, "k").await);
    assert!(has(&namespace, "other").await, "what could not be stored evicted another");
    let nothing = LocalKvNamespace::builder().capacity_bytes(0).build();
    put(&nothing, "k", "v", None).await;
    let read = nothing.read("k").await;
    assert!(matches!(read, Ok(Read::Barred)), "nobody may fill where not even a lease can be stored");
    assert_eq!(nothing.increment("k", 2, None).await.expect("the increment is accepted"), 2);
    assert_eq!(nothing.weight(), 0);
}

#[tokio::test]
async fn metadata_weighs_and_a_rewrite_is_weighed_anew() {
    let namespace = LocalKvNamespace::new();
    let options = PutOptions { ttl: None, metadata: Some("12345".into()) };
    for value in ["1234567890", "123"] {
        let _ = namespace.put("key", value.into(), options.clone()).await.expect("the put is accepted");
        assert_eq!(namespace.weight(), 3 + value.len() + 5 + OVERHEAD);
    }
    namespace.delete("key").await.expect("the delete is accepted");
    assert_eq!(namespace.weight(), 0);
}

#[tokio::test]
async fn barriers_are_never_evicted() {
    let (time, namespace) = (ManualClock::new(), LocalKvNamespace::builder().capacity_bytes(3_000));
    let namespace = namespace.clock(time.clock()).build();
    let keys: Vec<String> = (0..20).map(|number| format!("k{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    namespace.begin_write(&keys, Duration::from_mins(1)).await.expect("the write begins");
    for number in 0..100 {
        put(&namespace, &format!("other{number}"), "v", None).await;
    }
    for key in &keys {
        assert!(matches!(namespace.read(key).await, Ok(Read::Barred)), "a barrier was evicted");
    }
    time.advance(Duration::from_mins(1));
    put(&namespace, "after", "v", None).await;
    namespace.remove_expired();
    put(&namespace, "after", "v", None).await;
    assert!(has(&namespace, "after").await, "dead barriers still take the room");
}

#[tokio::test]
async fn abandoned_leases_and_barriers_do_not_stay_in_memory() {
    let (time, namespace) = manual();
    for number in 0..1_000 {
        let key = format!("k{number}");
        drop(namespace.read(&key).await.expect("the read is accepted"));
        let barred = format!("b{number}");
        for _ in 0..2 {
            namespace.begin_write(&[&barred], Duration::from_secs(10)).await.expect("the write begins");
        }
    }
    assert!(namespace.weight() > 0);
    time.advance(Duration::from_secs(30));
    until("abandoned leases and barriers stay", || namespace.weight() == 0).await;
}

#[tokio::test]
async fn leases_count_towards_the_capacity() {
    let namespace = LocalKvNamespace::builder().capacity_bytes(10_000).build();
    for number in 0..1_000 {
        drop(namespace.read(&format!("k{number}")).await.expect("the read is accepted"));
        assert!(namespace.weight() <= 10_000);
    }
}

#[tokio::test]
async fn a_prefix_of_many_pages_is_cleared_at_once() {
    let namespace = LocalKvNamespace::new();
    for number in 0..5_000 {
        put(&namespace, &format!("app:{number}"), "v", None).await;
        put(&namespace, &format!("app.sub:{number}"), "v", None).await;
    }
    assert_eq!(namespace.delete_prefix("app:").await.expect("the delete is accepted"), 5_000);
    assert_eq!(namespace.delete_prefix("app:").await.expect("the delete is accepted"), 0);
    assert_eq!(namespace.delete_prefix("").await.expect("the delete is accepted"), 5_000);
    assert_eq!(namespace.weight(), 0);
}

#[tokio::test]
async fn pages_are_of_a_thousand_and_cursors_are_checked() {
    let namespace = LocalKvNamespace::new();
    for number in 0..1_001 {
        put(&namespace, &format!("k{number:04}"), "v", None).await;
    }
    let list = async |prefix: &str, limit, cursor: Option<&str>| {
        let options = ListOptions { prefix: prefix.into(), limit, cursor: cursor.map(Into::into) };
        namespace.list(options).await.expect("the list is accepted")
    };
    for limit in [None, Some(0), Some(1_000), Some(5_000)] {
        let page = list("", limit, None).await;
        assert_eq!(page.keys.len(), 1_000, "{limit:?}");
        let rest = list("", limit, page.cursor.as_deref()).await;
        assert_eq!((rest.keys.len(), rest.cursor), (1, None));
    }
    let cursor = list("", Some(3), None).await.cursor.expect("there is more");
    assert!(!cursor.contains("k0002"), "a cursor is opaque");
    let other = list("k1", None, Some(&cursor)).await;
    assert_eq!((other.keys.len(), other.cursor), (0, None), "a cursor of another prefix is the end");
    for garbage in ["garbage", "zz", "6", "+6", "ff", "k0002"] {
        assert_eq!(list("", None, Some(garbage)).await.keys.len(), 0, "{garbage}");
    }
    assert_eq!(list("", None, Some("")).await.keys.len(), 1_000, "an empty cursor is none");
}

/// The text of a refusal.
fn refusal<T: std::fmt::Debug>(result: Result<T, BackendError>) -> String {
    match result {
        Err(BackendError::Rejected(message)) => message,
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn keys_values_and_metadata_are_limited_in_cloudflares_words() {
    let namespace = LocalKvNamespace::new();
    let plain = PutOptions::default;
    let long = "k".repeat(513);
    let wide = "\u{20ac}".repeat(171);
    assert_eq!(refusal(namespace.get("").await), "Key name cannot be empty.");
    assert_eq!(refusal(namespace.get(".").await), "\".\" is not allowed as a key name.");
    assert_eq!(
        refusal(namespace.put("..", "".into(), plain()).await),
        "\"..\" is not allowed as a key name."
    );
    assert_eq!(refusal(namespace.delete("").await), "Key name cannot be empty.");
    let too_long = "failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.";
    for key in [&long, &wide] {
        assert_eq!(refusal(namespace.get(key).await), format!("KV GET {too_long}"));
        assert_eq!(refusal(namespace.put(key, "".into(), plain()).await), format!("KV PUT {too_long}"));
        assert_eq!(refusal(namespace.delete(key).await), format!("KV DELETE {too_long}"));
    }
    let listed = namespace.list(ListOptions { prefix: long, ..ListOptions::default() }).await;
    assert_eq!(refusal(listed), format!("KV GET {too_long}"));

    let largest = Bytes::from(vec![0; 26_214_400]);
    put(&namespace, "largest", largest, None).await;
    let larger = namespace.put("larger", vec![0; 26_214_401].into(), plain()).await;
    assert_eq!(refusal(larger), "KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.");
    let metadata = |length: usize| PutOptions { ttl: None, metadata: Some("1".repeat(length).into()) };
    assert!(namespace.put("metadata", "".into(), metadata(1_024)).await.is_ok());
    let larger = namespace.put("metadata", "".into(), metadata(1_025)).await;
    assert_eq!(refusal(larger), "KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.");
    let zero = namespace.put("zero", "".into(), PutOptions::with_ttl(Duration::ZERO)).await;
    let message = "KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.";
    assert_eq!(refusal(zero), message);
    put(&namespace, "nanosecond", "", Some(Duration::from_nanos(1))).await;
}

#[tokio::test]
async fn times_to_live_and_pages_are_limited_in_cloudflares_words_where_asked_for() {
    let namespace = LocalKvNamespace::builder().cloudflare_limits().build();
    let put = async |ttl| namespace.put("k", "v".into(), PutOptions::with_ttl(ttl)).await;
    let too_short = "KV PUT failed: 400 Invalid expiration_ttl of 59. Expiration TTL must be at least 60.";
    assert_eq!(refusal(put(Duration::from_secs(59)).await), too_short);
    assert_eq!(refusal(put(Duration::from_millis(59_999)).await), too_short);
    let zero = "KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.";
    assert_eq!(refusal(put(Duration::from_millis(900)).await), zero);
    assert!(put(Duration::from_millis(60_900)).await.is_ok());
    let left = namespace.get("k").await.expect("the get is accepted").and_then(|entry| entry.expires_in);
    assert!(left.is_some_and(|left| left <= Duration::from_mins(1)), "seconds are whole: {left:?}");
    let range = "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).";
    assert_eq!(refusal(put(Duration::from_secs(2_147_483_648)).await), range);
    assert_eq!(refusal(namespace.touch("k", Some(Duration::from_secs(59))).await), too_short);
    assert_eq!(refusal(namespace.increment("n", 1, Some(Duration::from_secs(59))).await), too_short);
    let page = namespace.list(ListOptions { limit: Some(1_001), ..ListOptions::default() }).await;
    let too_many =
        "KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.";
    assert_eq!(refusal(page), too_many);
}

#[tokio::test]
async fn a_refused_fill_or_update_gives_way_to_the_next_reader() {
    let namespace = LocalKvNamespace::new();
    let too_large = || Bytes::from(vec![0; 26_214_401]);
    let Ok(Read::Miss(lease)) = namespace.read("k").await else { panic!("nothing is there") };
    refusal(namespace.fill("k", lease, too_large(), PutOptions::default()).await);
    let Ok(Read::Miss(Some(_))) = namespace.read("k").await else { panic!("the lease is not free") };
    let token = namespace.begin_write(&["k"], Duration::from_mins(1)).await.expect("the write begins");
    refusal(namespace.finish_write(&["k"], token, Some((too_large(), PutOptions::default()))).await);
    let Ok(Read::Miss(Some(_))) = namespace.read("k").await else { panic!("the barrier still stands") };
}

#[test]
fn counters_of_many_threads_lose_no_step_and_keep_their_ttl() {
    let (time, namespace) = manual();
    let runtime = || tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be built");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                runtime().block_on(async {
                    for _ in 0..2_000 {
                        let ttl = Some(Duration::from_mins(1));
                        namespace.increment("hits", 1, ttl).await.expect("the increment is accepted");
                    }
                });
            });
        }
    });
    let found = runtime().block_on(namespace.get("hits")).expect("the get is accepted").expect("it is there");
    assert_eq!((found.value, found.expires_in), ("16000".into(), Some(Duration::from_mins(1))));
    time.advance(Duration::from_mins(1));
    assert!(!runtime().block_on(has(&namespace, "hits")));
}

#[test]
fn nothing_stored_is_shown_by_debug() {
    let namespace = LocalKvNamespace::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be built");
    runtime.block_on(put(&namespace, "secret-key", "secret-value", None));
    assert!(!format!("{namespace:?}").contains("secret"));
}
