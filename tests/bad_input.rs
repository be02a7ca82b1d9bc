//! Bad input to the service: a clear error that names the operation and the reason, and nothing is changed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::{
    Backend, CacheError, KvCacheService, KvCacheServiceFactory, LocalKvNamespace, PutOptions, Ttl,
};
use futures_util::{StreamExt, pin_mut};

#[path = "bad_input/calls.rs"]
mod calls;
#[path = "bad_input/log.rs"]
mod log;

/// A service with the prefix `app`, and its memory.
fn service() -> (KvCacheService, LocalKvNamespace) {
    let memory = LocalKvNamespace::new();
    let cache = KvCacheService::builder(Arc::new(memory.clone())).build().expect("a valid prefix");
    (cache, memory)
}

/// Puts bytes where the service finds them under `key`.
async fn plant(memory: &LocalKvNamespace, key: &str, bytes: &[u8]) {
    let options = PutOptions::with_ttl(Duration::from_mins(1));
    memory.put(&format!("app:{key}"), Bytes::copy_from_slice(bytes), options).await.expect("memory stores");
}

/// The bytes under `key`.
async fn bytes(memory: &LocalKvNamespace, key: &str) -> Option<Bytes> {
    memory.get(&format!("app:{key}")).await.expect("memory answers").map(|entry| entry.value)
}

/// What each method says to a key: its name, and its error's text.
async fn refusals(cache: &KvCacheService, key: &str) -> Vec<(&'static str, String)> {
    fn text<T>(result: Result<T, CacheError>) -> String {
        result.map_or_else(|error| error.to_string(), |_| "fine".to_owned())
    }
    vec![
        ("get", text(cache.get::<u8>(key).await)),
        ("get_many", text(cache.get_many::<u8, _>(["good", key]).await)),
        ("set", text(cache.set(key, &1, 60).await)),
        ("set_many", text(cache.set_many([("good", &1), (key, &1)], 60).await)),
        ("delete", text(cache.delete(key).await)),
        ("delete_many", text(cache.delete_many(["good", key]).await)),
        ("exists", text(cache.exists(key).await)),
        ("ttl", text(cache.ttl(key).await)),
        ("touch", text(cache.touch(key, 60).await)),
        ("increment", text(cache.increment(key, 1).await)),
        ("increment_with_ttl", text(cache.increment_with_ttl(key, 1, 60).await)),
        ("decrement", text(cache.decrement(key, 1).await)),
    ]
}

#[tokio::test]
async fn a_bad_key_is_refused_by_every_method_with_the_reason_and_changes_nothing() {
    for (key, reason) in [
        (String::new(), "the key is empty"),
        ("x".repeat(509), "the key with its prefix has 513 bytes, the limit is 512"),
        ("é".repeat(255), "the key with its prefix has 514 bytes, the limit is 512"),
        ("x".repeat(100_000), "the key with its prefix has 100004 bytes, the limit is 512"),
        ("a\nb".to_owned(), "the key holds a control character"),
        ("\0".to_owned(), "the key holds a control character"),
        ("a\u{85}".to_owned(), "the key holds a control character"),
    ] {
        let (cache, _) = service();
        cache.set("good", &7, 60).await.expect("a good key");
        for (operation, message) in refusals(&cache, &key).await {
            assert_eq!(message, format!("{operation}: invalid key: {reason}"));
        }
        assert_eq!(cache.keys("*").await.expect("memory lists"), ["good"]);
        assert_eq!(cache.get::<u8>("good").await.expect("memory answers"), Some(7));
    }
}

#[tokio::test]
async fn the_longest_key_with_its_prefix_has_512_bytes() {
    for (prefix, length) in [("app", 508), ("p", 510), ("x".repeat(64).as_str(), 447)] {
        let factory = KvCacheServiceFactory::new(Arc::new(LocalKvNamespace::new()));
        let cache = factory.create(prefix).expect("a valid prefix");
        let key = "k".repeat(length);
        for (operation, message) in refusals(&cache, &key).await {
            assert_eq!(message, "fine", "{operation}");
        }
        cache.set(key.as_str(), &1, 60).await.expect("it fits");
        assert_eq!(cache.keys("k*").await.expect("memory lists"), [key.as_str()]);
        let longer = key + "k";
        assert!(refusals(&cache, &longer).await.iter().all(|(_, message)| message.contains("has 513 bytes")));
    }
}

#[tokio::test]
async fn odd_but_good_keys_are_stored_under_their_own_names() {
    let (cache, _) = service();
    let odd = [".", "..", "a:b", "*", "[", " ", "日本", "app:", "%3A", "\\"];
    for (number, key) in odd.iter().enumerate() {
        cache.set(*key, &number, 60).await.expect("a good key");
    }
    for (number, key) in odd.iter().enumerate() {
        assert_eq!(cache.get::<usize>(*key).await.expect("memory answers"), Some(number), "{key}");
    }
}

#[test]
fn a_bad_prefix_is_refused_with_the_reason() {
    let allowed = "; a prefix is 1 to 64 of the characters A-Z a-z 0-9 . _ -";
    let memory = Arc::new(LocalKvNamespace::new());
    for (prefix, reason) in [
        (String::new(), "it is empty"),
        ("x".repeat(65), "it is longer than 64 bytes"),
        ("a:b".into(), "it holds another character than those allowed"),
        (":".into(), "it holds another character than those allowed"),
        ("app*".into(), "it holds another character than those allowed"),
        ("app!g".into(), "it holds another character than those allowed"),
        ("a b".into(), "it holds another character than those allowed"),
        ("é".into(), "it holds another character than those allowed"),
        ("a\n".into(), "it holds another character than those allowed"),
    ] {
        let expected = format!("invalid prefix: {reason}{allowed}");
        let factory = KvCacheServiceFactory::new(memory.clone());
        assert_eq!(factory.create(&prefix).expect_err("it is refused").to_string(), expected);
        let builder = KvCacheService::builder(memory.clone()).prefix(prefix);
        assert_eq!(builder.build().expect_err("it is refused").to_string(), expected);
    }
    for good in ["a".to_owned(), "x".repeat(64), "Aa0._-".into()] {
        KvCacheServiceFactory::new(memory.clone()).create(&good).expect("a valid prefix");
    }
}

#[tokio::test]
async fn a_ttl_of_zero_or_beyond_a_thousand_years_is_refused_with_the_reason_and_changes_nothing() {
    let zero = "it is zero; to store for ever, use `Ttl::NEVER`";
    let long = "it is longer than 1,000 years; to store for ever, use `Ttl::NEVER`";
    for (ttl, reason) in [
        (Ttl::from(0), zero),
        (Ttl::from(Duration::ZERO), zero),
        (Ttl::from(u64::MAX), long),
        (Ttl::from(Duration::MAX), long),
        (Ttl::from(Ttl::MAX + Duration::from_nanos(1)), long),
    ] {
        let (cache, _) = service();
        cache.set("key", &1, 60).await.expect("a good ttl");
        let errors = [
            ("set", cache.set("key", &2, ttl).await.map(drop).expect_err("it is refused")),
            ("set_many", cache.set_many([("key", &2), ("new", &2)], ttl).await.expect_err("it is refused")),
            ("touch", cache.touch("key", ttl).await.map(drop).expect_err("it is refused")),
            (
                "increment_with_ttl",
                cache.increment_with_ttl("key", 1, ttl).await.map(drop).expect_err("it is refused"),
            ),
        ];
        for (operation, error) in errors {
            assert_eq!(error.to_string(), format!("{operation}: invalid ttl: {reason}"));
        }
        assert_eq!(cache.get::<u8>("key").await.expect("memory answers"), Some(1));
        assert_eq!(cache.keys("*").await.expect("memory lists"), ["key"]);
        assert!(
            cache
                .ttl("key")
                .await
                .expect("memory answers")
                .is_some_and(|left| left.as_duration() <= Some(Duration::from_mins(1)))
        );
    }
    let (cache, _) = service();
    for ttl in [Ttl::from(Ttl::MAX), Ttl::NEVER, Ttl::from(Duration::from_nanos(1)), Ttl::from(1)] {
        cache.set("key", &1, ttl).await.expect("a good ttl");
    }
}

#[tokio::test]
async fn undecodable_bytes_are_an_error_of_get_and_stay_as_they_are() {
    let message = |operation| {
        format!("{operation}: the bytes stored in memory are not JSON of the type that was asked for")
    };
    for stored in [&b"\xff\xfe"[..], b"", b"{", b"\"text\"", b"300", b"1 2", b"null"] {
        let (cache, memory) = service();
        plant(&memory, "key", stored).await;
        let error = cache.get::<u8>("key").await.expect_err("it is no `u8`");
        assert_eq!(error.to_string(), message("get"));
        let error = cache.get_many::<u8, _>(["other", "key"]).await.expect_err("it is no `u8`");
        assert_eq!(error.to_string(), message("get_many"));
        assert_eq!(bytes(&memory, "key").await.as_deref(), Some(stored));
        assert!(cache.exists("key").await.expect("memory answers"), "something is there");
    }
}

#[tokio::test]
async fn a_counter_that_is_no_number_is_refused_and_stays_as_it_was() {
    for stored in [
        &b""[..],
        b" 5",
        b"5 ",
        b"05",
        b"+5",
        b"-0",
        b"5.0",
        b"\"5\"",
        b"five",
        b"\xff",
        b"9223372036854775808",
        b"null",
    ] {
        let (cache, memory) = service();
        plant(&memory, "n", stored).await;
        for (operation, result) in [
            ("increment", cache.increment("n", 1).await),
            ("increment_with_ttl", cache.increment_with_ttl("n", 1, 9).await),
            ("decrement", cache.decrement("n", 1).await),
        ] {
            let error = result.expect_err("it is no number");
            assert_eq!(
                error.to_string(),
                format!("{operation}: the value stored in memory is not an integer")
            );
        }
        assert_eq!(bytes(&memory, "n").await.as_deref(), Some(stored));
    }
}

#[tokio::test]
async fn a_counter_that_would_overflow_is_refused_and_stays_as_it_was() {
    let (cache, memory) = service();
    for (stored, by) in [(i64::MAX, 1), (i64::MIN, -1), (1, i64::MAX), (-2, i64::MIN + 1)] {
        plant(&memory, "n", stored.to_string().as_bytes()).await;
        let error = cache.increment("n", by).await.expect_err("it overflows");
        assert_eq!(error.to_string(), "increment: the counter stored in memory would overflow");
        let error = cache.decrement("n", -by).await.expect_err("it overflows");
        assert_eq!(error.to_string(), "decrement: the counter stored in memory would overflow");
        assert_eq!(cache.get::<i64>("n").await.expect("memory answers"), Some(stored));
    }
    for stored in [0, 5] {
        plant(&memory, "n", stored.to_string().as_bytes()).await;
        let error = cache.decrement("n", i64::MIN).await.expect_err("it overflows");
        assert_eq!(error.to_string(), "decrement: the counter stored in memory would overflow");
        assert_eq!(cache.get::<i64>("n").await.expect("memory answers"), Some(stored));
    }
    plant(&memory, "n", b"-1").await;
    assert_eq!(cache.increment("n", i64::MIN + 1).await.expect("it fits"), i64::MIN);
}

#[tokio::test]
async fn a_broken_glob_is_refused_with_the_reason() {
    let open = "a `[` is not closed by a `]`; a literal bracket is `\\[`";
    let (cache, _) = service();
    cache.set("key", &1, 60).await.expect("it stores");
    for (pattern, reason) in [
        ("", "it is empty; every key is `*`"),
        ("[", open),
        ("[a-", open),
        ("user:[0-9:*", open),
        ("[a\\]", open),
        ("[]", "a `[]` matches nothing"),
        ("key\\", "it ends with a `\\`; a literal backslash is `\\\\`"),
    ] {
        let error = cache.keys(pattern).await.expect_err("it is refused");
        assert_eq!(error.to_string(), format!("keys: invalid pattern: {reason}"));
        let scan = cache.scan(pattern);
        pin_mut!(scan);
        let error = scan.next().await.expect("a scan says why").expect_err("it is refused");
        assert_eq!(error.to_string(), format!("scan: invalid pattern: {reason}"));
        assert!(scan.next().await.is_none(), "it ends after the error");
    }
}

#[tokio::test]
async fn a_glob_that_is_longer_than_any_key_matches_none() {
    let (cache, _) = service();
    cache.set("key", &1, 60).await.expect("it stores");
    assert_eq!(cache.keys(&"k".repeat(509)).await.expect("a valid pattern"), [""; 0]);
    assert_eq!(cache.keys(&("*".to_owned() + &"k".repeat(1_000))).await.expect("a valid pattern"), [""; 0]);
}

#[tokio::test]
async fn a_value_over_the_limit_is_refused_on_writing_and_on_reading() {
    let memory = LocalKvNamespace::new();
    let cache =
        KvCacheService::builder(Arc::new(memory.clone())).value_limit(10).build().expect("a valid prefix");
    let too_large = |operation| format!("{operation}: the value is larger than the limit of 10 bytes");
    cache.set("key", &"12345678".to_owned(), 60).await.expect("eight bytes and two quotes");
    let error = cache.set("key", &"123456789".to_owned(), 60).await.expect_err("it is refused");
    assert_eq!(error.to_string(), too_large("set"));
    let error = cache.set_many([("a", &1_u64), ("b", &u64::MAX)], 60).await.expect_err("it is refused");
    assert_eq!(error.to_string(), too_large("set_many"));
    assert_eq!(cache.get::<String>("key").await.expect("it answers").as_deref(), Some("12345678"));
    assert_eq!(cache.keys("*").await.expect("it lists"), ["key"]);

    plant(&memory, "key", b"\"123456789\"").await;
    let error = cache.get::<String>("key").await.expect_err("it is refused");
    assert_eq!(error.to_string(), too_large("get"));
    let error = cache.get_many::<String, _>(["key"]).await.expect_err("it is refused");
    assert_eq!(error.to_string(), too_large("get_many"));
    assert_eq!(bytes(&memory, "key").await.as_deref(), Some(&b"\"123456789\""[..]));
}

#[tokio::test]
async fn a_value_over_the_default_limit_of_25_mib_is_refused() {
    let (cache, _) = service();
    let largest = "x".repeat(25 * 1024 * 1024 - 2);
    cache.set("key", &largest, 60).await.expect("25 MiB with its quotes");
    let error = cache.set("key", &(largest + "x"), 60).await.expect_err("it is refused");
    assert_eq!(error.to_string(), "set: the value is larger than the limit of 26214400 bytes");
}

#[tokio::test]
async fn a_value_that_is_no_json_is_refused_and_nothing_is_stored() {
    let (cache, _) = service();
    let pairs = HashMap::from([((1, 2), 3)]);
    let error = cache.set("key", &pairs, 60).await.expect_err("a key of JSON is a text");
    assert_eq!(error.to_string(), "set: the value could not be encoded as JSON");
    assert!(!cache.exists("key").await.expect("memory answers"));
}

#[tokio::test]
async fn an_address_that_nobody_serves_is_refused_and_its_password_not_repeated() {
    let no_url = "configuration: the cache's address is not a URL; for a cache in memory write `memory:`";
    for (url, expected) in [
        (
            "odd://user:hunter2@host:1",
            "configuration: no backend for `odd:` in this build; there is `memory:`",
        ),
        (
            "ODD+tls://:hunter2@[::1]/0",
            "configuration: no backend for `ODD+tls:` in this build; there is `memory:`",
        ),
        ("memory://hunter2", "configuration: a cache in memory has no address: write `memory:`"),
        ("hunter2", no_url),
        ("", no_url),
        ("://hunter2", no_url),
        ("hunter2@host:6379", no_url),
        ("hunter2hunter2hunter2hunter2:6379", no_url),
        ("a b:hunter2", no_url),
    ] {
        let error = KvCacheService::connect(url).await.expect_err("nobody serves it");
        assert_eq!(error.to_string(), expected, "{url}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    for url in ["memory:", "memory://"] {
        KvCacheService::connect(url).await.expect("a cache in memory");
    }
}
