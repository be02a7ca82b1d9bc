//! What the service and the network do: every call ends in time, what may be tried again is, and no error shows the
//! token, a key or a value.

use std::fmt::Write;
use std::future::Future;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cache_runtime::{Backend, BackendError, CacheError, CloudflareBackend, ListOptions, PutOptions};
use futures_util::StreamExt;
use serde_json::json;

use crate::server::{self, ACCOUNT, Namespace, TOKEN};

const SECRET: &str = "s3cr3t-t0k3n-0f-n0b0dy";

/// A backend with short times.
fn hurried(namespace: &Namespace) -> CloudflareBackend {
    let builder = namespace.builder().attempt_timeout(Duration::from_millis(1_500));
    builder.deadline(Duration::from_secs(6)).build().expect("the configuration is right")
}

async fn put(backend: &CloudflareBackend, key: &str, value: &'static str) -> Result<(), BackendError> {
    backend.put(key, Bytes::from_static(value.as_bytes()), PutOptions::default()).await.map(drop)
}

async fn get(backend: &CloudflareBackend, key: &str) -> Result<Option<Bytes>, BackendError> {
    Ok(backend.get(key).await?.map(|entry| entry.value))
}

/// What a call gives, and how long it took; a hang fails.
async fn timed<T>(what: &str, call: impl Future<Output = T>) -> (T, Duration) {
    let start = Instant::now();
    let result = tokio::time::timeout(Duration::from_secs(15), call).await;
    println!("{what}: {:?}", start.elapsed());
    (result.unwrap_or_else(|_| panic!("{what} hangs")), start.elapsed())
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, " {error} {error:?}");
        source = error.source();
    }
    text
}

#[tokio::test]
async fn a_failure_of_the_service_is_tried_again() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    for status in [500, 502, 503, 524, 429] {
        namespace.spoil("PUT /values", 2, json!({ "kind": "status", "status": status })).await;
        timed("a put", put(&backend, "k", "v")).await.0.expect("the third attempt succeeds");
        namespace.spoil("POST /bulk/get", 1, json!({ "kind": "status", "status": status })).await;
        assert_eq!(timed("a get", get(&backend, "k")).await.0.expect("it is read"), Some("v".into()));
        namespace.spoil("GET /keys", 1, json!({ "kind": "status", "status": status })).await;
        let page = backend.list(ListOptions::default()).await.expect("it is listed");
        assert_eq!(page.keys.len(), 1);
        namespace.spoil("POST /bulk/delete", 1, json!({ "kind": "status", "status": status })).await;
        backend.delete_many(&["k"]).await.expect("it is removed");
    }
}

#[tokio::test]
async fn a_failure_that_stays_is_an_error_after_so_many_attempts() {
    let Some(namespace) = server::namespace() else { return };
    namespace.spoil("POST /bulk/get", 100, json!({ "kind": "status", "status": 503 })).await;
    let backend = namespace.builder().attempts(3).build().expect("the configuration is right");
    let (result, _) = timed("a get", get(&backend, "k")).await;
    let error = result.expect_err("the service is down");
    assert!(matches!(error, BackendError::Unavailable(_)), "{error}");
    assert_eq!(chain(&error).matches("the service failed (status 503)").count(), 2, "{}", chain(&error));
    assert_eq!(namespace.requests().await.len(), 3);
}

#[tokio::test]
async fn what_retry_after_names_is_waited_for_and_others_do_not_ask_meanwhile() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    let fault = json!({ "kind": "status", "status": 429, "code": 971, "retryAfter": 1 });
    namespace.spoil("PUT /values", 1, fault.clone()).await;
    let first = timed("a put", put(&backend, "k", "v"));
    let other = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        timed("a get meanwhile", get(&backend, "k")).await
    };
    let ((stored, took), (meanwhile, took_meanwhile)) = tokio::join!(first, other);
    stored.expect("the second attempt succeeds");
    assert!(took >= Duration::from_secs(1), "{took:?}");
    let error = meanwhile.expect_err("the service asked to wait");
    assert!(chain(&error).contains("no request is made for another"), "{}", chain(&error));
    assert!(took_meanwhile < Duration::from_millis(500), "{took_meanwhile:?}");
    assert_eq!(namespace.requests().await, ["PUT /values", "PUT /values"]);
    assert_eq!(get(&backend, "k").await.expect("the pause is over"), Some("v".into()));
}

#[tokio::test]
async fn a_wait_beyond_the_deadline_is_not_begun() {
    let Some(namespace) = server::namespace() else { return };
    let fault = json!({ "kind": "status", "status": 429, "retryAfter": 3_600 });
    namespace.spoil("POST /bulk/get", 1, fault).await;
    let (result, took) = timed("a get", get(&hurried(&namespace), "k")).await;
    let error = result.expect_err("the service asked for an hour");
    assert!(chain(&error).contains("too many requests (status 429)"), "{}", chain(&error));
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn a_key_that_takes_one_write_a_second_gets_both() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    namespace.plan(json!([{ "kind": "one-write-a-second" }])).await;
    put(&backend, "k", "first").await.expect("it is stored");
    timed("a second put", put(&backend, "k", "second")).await.0.expect("it is tried again");
    assert_eq!(get(&backend, "k").await.expect("it is read"), Some("second".into()));
}

#[tokio::test]
async fn a_slow_answer_is_given_up_and_asked_for_again() {
    let Some(namespace) = server::namespace() else { return };
    let backend = hurried(&namespace);
    put(&backend, "k", "v").await.expect("it is stored");
    namespace.spoil("POST /bulk/get", 1, json!({ "kind": "slow", "millis": 6_000 })).await;
    assert_eq!(timed("a get", get(&backend, "k")).await.0.expect("it is read"), Some("v".into()));
    namespace.spoil("POST /bulk/get", 100, json!({ "kind": "slow", "millis": 6_000 })).await;
    let (result, took) = timed("a get", get(&backend, "k")).await;
    let error = result.expect_err("the service hangs");
    assert!(matches!(error, BackendError::Timeout(_)), "{error}");
    assert!(took < Duration::from_secs(9), "{took:?}");
    // By now it is taken for unreachable, which costs no call its time.
    let (result, took) = timed("a get in the pause", get(&backend, "k")).await;
    result.expect_err("nobody asks");
    assert!(took < Duration::from_millis(300), "{took:?}");
}

#[tokio::test]
async fn an_answer_that_is_cut_off_is_asked_for_again() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    for _ in 0..2 {
        let fault = json!({ "kind": "cut" });
        namespace.spoil("PUT /values", 1, fault.clone()).await;
        timed("a put", put(&backend, "k", "v")).await.0.expect("it is stored");
        namespace.spoil("POST /bulk/get", 1, fault.clone()).await;
        assert_eq!(timed("a get", get(&backend, "k")).await.0.expect("it is read"), Some("v".into()));
        namespace.spoil("DELETE /values", 1, fault).await;
        timed("a delete", backend.delete("k")).await.0.expect("it is removed");
        assert_eq!(get(&backend, "k").await.expect("it is read"), None);
    }
}

#[tokio::test]
async fn a_stream_that_is_cut_off_ends_with_an_error() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    let value = Bytes::from(vec![b'x'; 2 << 20]);
    let _ = backend.put("k", value, PutOptions::default()).await.expect("it is stored");
    namespace.spoil("GET /values", 1, json!({ "kind": "cut" })).await;
    let found = backend.get_stream("k", None).await.expect("it begins").expect("it is there");
    let pieces: Vec<_> = timed("the stream", found.value.collect::<Vec<_>>()).await.0;
    let (last, before) = pieces.split_last().expect("something came");
    assert!(last.is_err(), "the end is missing");
    assert!(before.iter().all(Result::is_ok));
}

#[tokio::test]
async fn what_is_no_answer_of_the_service_is_an_error_and_no_value() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    put(&backend, "k", "v").await.expect("it is stored");
    let answers = [
        json!({ "kind": "garbage" }),
        json!({ "kind": "envelope", "body": {} }),
        json!({ "kind": "envelope", "body": [] }),
        json!({ "kind": "envelope", "body": { "success": false, "errors": [], "result": null } }),
        json!({ "kind": "envelope", "body": { "success": true, "result": 5 } }),
        json!({ "kind": "envelope", "body": { "success": true, "result": { "values": { "k": 5 } } } }),
        json!({ "kind": "envelope", "body": { "success": true, "result": { "values": { "k": { "value": 1 } } } } }),
    ];
    for answer in answers {
        namespace.spoil("POST /bulk/get", 1, answer.clone()).await;
        let error = get(&backend, "k").await.expect_err("that is no answer");
        println!("{answer}: {error}");
        namespace.spoil("GET /keys", 1, answer.clone()).await;
        backend.list(ListOptions::default()).await.expect_err("that is no answer");
    }
    // One about another key is none about this one.
    let other = json!({ "success": true, "result": { "values": { "other": { "value": "x" } } } });
    namespace.spoil("POST /bulk/get", 1, json!({ "kind": "envelope", "body": other })).await;
    assert_eq!(get(&backend, "k").await.expect("it is read"), None);
    assert_eq!(get(&backend, "k").await.expect("it is read"), Some("v".into()));
}

#[tokio::test]
async fn keys_that_a_bulk_left_out_are_sent_again() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.builder().attempts(2).build().expect("the configuration is right");
    let left_out = |keys: &[&str]| {
        let result = json!({ "successful_key_count": 1, "unsuccessful_keys": keys });
        json!({ "kind": "envelope", "body": { "success": true, "result": result } })
    };
    let entries = || ["a", "b"].map(|key| (key.to_owned(), Bytes::from("v"), PutOptions::default())).to_vec();
    namespace.spoil("PUT /bulk", 1, left_out(&["a", "b"])).await;
    backend.put_many(entries()).await.expect("they are stored");
    assert_eq!(get(&backend, "b").await.expect("it is read"), Some("v".into()));
    namespace.spoil("PUT /bulk", 5, left_out(&["b"])).await;
    let error = backend.put_many(entries()).await.expect_err("one is never stored");
    assert!(chain(&error).contains("1 keys of a bulk request were not done"), "{}", chain(&error));
}

#[tokio::test]
async fn a_missing_key_is_a_miss_and_a_missing_namespace_is_an_error() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    let fault = |code| json!({ "kind": "status", "status": 404, "code": code });
    namespace.spoil("GET /metadata", 1, fault(10_009)).await;
    assert!(backend.get_stream("k", None).await.expect("it is a miss").is_none());
    namespace.spoil("DELETE /values", 1, fault(10_009)).await;
    assert!(!backend.delete("k").await.expect("it is no error"));
    for code in [10_013, 7_000] {
        namespace.spoil("GET /metadata", 1, fault(code)).await;
        backend.get_stream("k", None).await.expect_err("it is no miss");
    }
    let nowhere = CloudflareBackend::builder(ACCOUNT, "nowhere", TOKEN).base_url(namespace.base_url());
    let nowhere = nowhere.build().expect("the configuration could be right");
    let error = get(&nowhere, "k").await.expect_err("there is no such namespace");
    assert!(chain(&error).contains("there is no such namespace in the account: check both ids"), "{error}");
    nowhere.list(ListOptions::default()).await.expect_err("there is no such namespace");
    nowhere.delete("k").await.expect_err("there is no such namespace");
    nowhere.health().await.expect_err("there is no such namespace");
}

#[tokio::test]
async fn a_wrong_token_is_refused_at_once_in_words_that_do_not_show_it() {
    let Some(namespace) = server::namespace() else { return };
    let builder = CloudflareBackend::builder(ACCOUNT, &namespace.id, SECRET).base_url(namespace.base_url());
    assert!(!format!("{builder:?}").contains(SECRET));
    let backend = builder.build().expect("the configuration could be right");
    assert!(!format!("{backend:?}").contains(SECRET));
    let (result, took) = timed("a get", get(&backend, "s3cr3t-key")).await;
    let text = chain(&result.expect_err("the token is wrong"));
    assert!(text.contains("has `Workers KV Storage: Edit` on the account"), "{text}");
    assert!(!text.contains(SECRET) && !text.contains("s3cr3t-key"), "{text}");
    assert_eq!(namespace.requests().await.len(), 0);
    assert!(took < Duration::from_secs(5), "a wrong token is not tried again");
}

#[tokio::test]
async fn no_refusal_shows_the_key() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    let message = "could not store 's3cr3t-key': \n invalid";
    let fault = json!({ "kind": "status", "status": 400, "code": 10_029, "message": message });
    namespace.spoil("PUT /values", 1, fault).await;
    let text = chain(&put(&backend, "s3cr3t-key", "v").await.expect_err("it is refused"));
    assert!(text.contains("KV PUT failed: 400 could not store '…':  invalid"), "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");
}

#[tokio::test]
async fn a_service_that_is_not_there_costs_few_calls_their_time() {
    let backend = CloudflareBackend::builder(ACCOUNT, "kv", SECRET).base_url("http://127.0.0.1:1");
    let backend = backend.build().expect("the configuration could be right");
    let (result, _) = timed("the first get", get(&backend, "s3cr3t-key")).await;
    let text = chain(&result.expect_err("nobody is there"));
    assert!(text.contains("connection refused"), "{text}");
    assert!(!text.contains("s3cr3t"), "{text}");
    let ((), took) = timed("a hundred more", async {
        for _ in 0..100 {
            get(&backend, "k").await.expect_err("nobody is there");
        }
    })
    .await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[test]
fn a_configuration_that_cannot_be_right_is_refused_in_words_that_do_not_show_it() {
    let build = |account: &str, namespace: &str, token: &str, base: &str| {
        CloudflareBackend::builder(account, namespace, token).base_url(base).build()
    };
    let good = "https://api.cloudflare.com/client/v4";
    build("account", "namespace", SECRET, good).expect("that could be right");
    build("account", "namespace", SECRET, "http://[::1]:8787/").expect("that could be right");
    for (account, namespace, token, base) in [
        ("", "namespace", SECRET, good),
        ("account", "../s3cr3t", SECRET, good),
        ("account", "namespace", "", good),
        ("account", "namespace", "s3cr3t token", good),
        ("account", "namespace", "s3cr3t\n", good),
        ("account", "namespace", SECRET, "s3cr3t"),
        ("account", "namespace", SECRET, "http://s3cr3t.example/"),
        ("account", "namespace", SECRET, "https://user:s3cr3t@host/"),
        ("account", "namespace", SECRET, "https://host/?s3cr3t"),
        ("account", "namespace", SECRET, "file:///s3cr3t"),
    ] {
        let error = build(account, namespace, token, base).expect_err("that cannot be right");
        assert!(matches!(error, CacheError::Configuration(_)));
        assert!(!chain(&error).contains("s3cr3t"), "{error}");
        println!("{error}");
    }
}
