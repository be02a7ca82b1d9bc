//! What stands in the namespace: plain JSON under plain keys for others, ends that are never passed for us.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::testing::ManualClock;
use cache_runtime::{Backend, KvCacheService, KvNamespace, ListOptions, PutOptions, Ttl, cached};
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::server::{self, Namespace};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    age: u8,
}

fn service(namespace: &Namespace) -> KvCacheService {
    let backend = Arc::new(namespace.backend());
    KvCacheService::builder(backend).timeout(Duration::from_secs(20)).build().expect("the prefix is good")
}

async fn put(backend: &impl Backend, key: &str, value: impl Into<Bytes>, ttl: Option<Duration>) {
    let _ = backend.put(key, value.into(), PutOptions { ttl, metadata: None }).await.expect("it is stored");
}

struct Users {
    cache: KvCacheService,
}

impl Users {
    #[cached(key = "user:<id>", ttl = 5, none_ttl = 5)]
    async fn user(&self, id: &str) -> Option<User> {
        (id != "nobody").then(|| User { name: id.into(), age: 7 })
    }
}

#[tokio::test]
async fn an_annotated_methods_value_is_plain_json_under_its_plain_key() {
    let Some(namespace) = server::namespace() else { return };
    let users = Users { cache: service(&namespace) };
    for _ in 0..2 {
        assert_eq!(users.user("ada@example.org").await.map(|user| user.age), Some(7));
        assert_eq!(users.user("nobody").await, None);
    }
    let calls = ["app:user:ada@example.org", "app:user:nobody"].map(|key| json!(["getWithMetadata", key]));
    let found = namespace.binding(json!(calls)).await;
    assert_eq!(found[0]["value"], json!("{\"name\":\"ada@example.org\",\"age\":7}"));
    assert!(found[0]["metadata"]["e"].is_u64(), "{found:?}");
    assert_eq!((&found[1]["value"], &found[1]["metadata"]["n"]), (&json!("null"), &json!(1)));
    assert_eq!(users.cache.get::<User>("user:nobody").await.expect("it is read"), None);
}

#[tokio::test]
async fn a_ttl_under_a_minute_is_kept_to_the_millisecond_while_kv_has_the_entry() {
    let Some(namespace) = server::namespace() else { return };
    let time = ManualClock::new();
    let backend = namespace.builder().clock(time.clock()).attempts(1).build();
    let backend = backend.expect("the configuration is right");
    put(&backend, "short", "v", Some(Duration::from_millis(1_500))).await;
    put(&backend, "bytes", &b"\xff\0"[..], Some(Duration::from_millis(1_500))).await;
    backend
        .put_many(vec![("many".into(), "v".into(), PutOptions::with_ttl(Duration::from_millis(1_500)))])
        .await
        .expect("it is stored");
    let keys = ["bytes", "many", "short"];
    let there = async || {
        let mut there = Vec::new();
        for key in keys {
            there.push(backend.get(key).await.expect("it is read").is_some());
            there.push(backend.get_stream(key, None).await.expect("it is read").is_some());
        }
        there.extend(backend.get_many(&keys).await.expect("they are read").iter().map(Option::is_some));
        let listed = backend.list(ListOptions::default()).await.expect("it is listed").keys;
        there.extend(keys.map(|key| listed.iter().any(|listed| listed.name == key)));
        there
    };
    time.advance(Duration::from_millis(1_499));
    assert_eq!(there().await, [true; 12]);
    time.advance(Duration::from_millis(1));
    assert_eq!(there().await, [false; 12]);
    // The minute is not over: the binding still has them all.
    let listed = namespace.binding(json!([["list"]])).await;
    let names: Vec<&str> =
        listed[0]["keys"].as_array().expect("keys").iter().filter_map(|key| key["name"].as_str()).collect();
    assert_eq!(names, keys);
}

#[tokio::test]
async fn bytes_that_are_no_text_come_back_whoever_wrote_them() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    let kv = KvNamespace::new(Arc::new(namespace.backend()));
    let values: [&[u8]; 6] =
        [b"\xff\xfe\0\x01", "\u{feff}bom".as_bytes(), "\u{fffd}".as_bytes(), b"\0", b"", b"\r\n\"\\"];
    for (number, value) in values.into_iter().enumerate() {
        let (ours, theirs) = (format!("ours{number}"), format!("theirs{number}"));
        put(&backend, &ours, value, None).await;
        let _ =
            kv.put(&theirs, value).metadata(&number).expect("JSON").execute().await.expect("it is stored");
        for key in [&ours, &theirs] {
            let entry = backend.get(key).await.expect("it is read").expect("it is there");
            // A bulk read swallows the byte order mark of what others wrote.
            let value_or_less = if key == "theirs1" { b"bom" } else { value };
            assert_eq!(entry.value, value_or_less, "{key}");
            assert_eq!(kv.get(key).bytes().await.expect("it is read").as_deref(), Some(value), "{key}");
        }
        let found = kv.get(&theirs).bytes_with_metadata().await.expect("it is read").expect("it is there");
        assert_eq!(found.metadata::<usize>().expect("a number"), Some(number));
    }
    // What a handle puts is stored byte by byte; with another's metadata untouched.
    let found = namespace.binding(json!([["getWithMetadata", "theirs3"]])).await;
    assert_eq!((&found[0]["value"], &found[0]["metadata"]), (&json!("\0"), &json!(3)));
}

#[tokio::test]
async fn a_large_value_is_streamed_both_ways() {
    let Some(namespace) = server::namespace() else { return };
    let kv = KvNamespace::new(Arc::new(namespace.backend()));
    let piece = Bytes::from((0..=255).cycle().take(1 << 20).collect::<Vec<u8>>());
    let pieces = stream::iter(vec![piece.clone(); 20]).map(Ok::<_, std::io::Error>);
    let put = kv.put_stream("large", pieces).metadata(&"m").expect("JSON").expiration_ttl(600);
    let _ = put.execute().await.expect("it is stored");
    let found = kv.get("large").stream_with_metadata().await.expect("it is read").expect("it is there");
    assert_eq!(found.metadata::<String>().expect("a text").as_deref(), Some("m"));
    let (mut length, mut count, mut value) = (0, 0, found.value);
    while let Some(part) = value.next().await {
        let part = part.expect("it is read");
        for (offset, byte) in part.iter().enumerate().step_by(4_099) {
            assert_eq!(*byte, piece[(length + offset) % piece.len()]);
        }
        length += part.len();
        count += 1;
    }
    assert_eq!(length, 20 << 20);
    assert!(count > 20, "it came in {count} pieces");
    // Too large for a bulk read as text, with its escapes: read alone then.
    let whole = kv.get("large").bytes().await.expect("it is read").expect("it is there");
    assert_eq!(whole.len(), length);
}

#[tokio::test]
async fn a_stream_that_fails_stores_nothing_and_says_why() {
    let Some(namespace) = server::namespace() else { return };
    let kv = KvNamespace::new(Arc::new(namespace.backend()));
    let _ = kv.put("k", "old").execute().await.expect("it is stored");
    let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("the sender is gone"))];
    let error = kv.put_stream("k", stream::iter(pieces)).execute().await.expect_err("the stream fails");
    let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(why.contains("the sender is gone"), "{why}");
    let piece = Bytes::from(vec![0; 1 << 20]);
    let endless = stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone()));
    let error = kv.put_stream("k", endless).execute().await.expect_err("it has no end");
    let why = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(why.contains("413 Value length of"), "{why}");
    let left = kv.get("k").text().await.expect("it is read").expect("it is there");
    assert!(left == "old", "{} bytes were stored", left.len());
}

#[tokio::test]
async fn bulks_beyond_a_limit_are_several_requests() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    let names: Vec<String> = (0..10_050).map(|number| format!("k{number:05}")).collect();
    let keys: Vec<&str> = names.iter().map(String::as_str).collect();
    let entries = |count| {
        names[..count]
            .iter()
            .map(|key| (key.clone(), Bytes::from(key.clone()), PutOptions::default()))
            .collect()
    };
    backend.put_many(entries(1_050)).await.expect("they are stored");
    let found = backend.get_many(&keys[..250]).await.expect("they are read");
    for (key, entry) in keys.iter().zip(&found) {
        assert_eq!(entry.as_ref().map(|entry| &*entry.value), Some(key.as_bytes()));
    }
    let listed = KvNamespace::new(Arc::new(namespace.backend())).list().all().await.expect("they are listed");
    assert!(listed.iter().map(|key| &key.name).eq(&names[..1_050]));
    // Ten thousand real ones take workerd half a minute: here it is asked, and does nothing.
    let nothing = json!({ "kind": "envelope", "body": { "success": true, "result": {} } });
    for on in ["PUT /bulk", "POST /bulk/delete"] {
        namespace.spoil(on, 2, nothing.clone()).await;
        match on {
            "PUT /bulk" => backend.put_many(entries(10_050)).await.expect("they are stored"),
            _ => drop(backend.delete_many(&keys).await.expect("they are removed")),
        }
    }
    let requests = namespace.requests().await;
    let count = |kind: &str| requests.iter().filter(|request| *request == kind).count();
    // Each may be made once more, where workerd closed a connection that was idle.
    for (kind, expected) in
        [("PUT /bulk", 3), ("POST /bulk/get", 3), ("GET /keys", 2), ("POST /bulk/delete", 2)]
    {
        assert!((expected..=2 * expected).contains(&count(kind)), "{kind}: {}", count(kind));
    }
}

#[tokio::test]
async fn values_too_large_together_are_read_by_halves() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    for key in ["a", "b", "c"] {
        put(&backend, key, vec![b'x'; 12 << 20], None).await;
    }
    let found = backend.get_many(&["a", "missing", "c", "a", "b"]).await.expect("they are read");
    let lengths: Vec<_> = found.iter().map(|entry| entry.as_ref().map(|entry| entry.value.len())).collect();
    let length = Some(12 << 20);
    assert_eq!(lengths, [length, None, length, length, length]);
}

#[tokio::test]
async fn pages_smaller_than_cloudflares_go_on_while_keys_come_and_go() {
    let Some(namespace) = server::namespace() else { return };
    let backend = namespace.backend();
    let kv = KvNamespace::new(Arc::new(namespace.backend()));
    let name = |number: usize| format!("k{number:02}");
    let entries = (0..40).step_by(2).map(|number| (name(number), Bytes::from("v"), PutOptions::default()));
    backend.put_many(entries.collect()).await.expect("they are stored");
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for round in 0.. {
        let page = kv.list().prefix("k").limit(3).cursor(&*cursor).execute().await.expect("it is listed");
        assert!(page.keys.len() <= 3);
        seen.extend(page.keys.iter().map(|key| key.name.clone()));
        if let Some(last) = page.keys.last() {
            kv.delete(&last.name).await.expect("it is removed");
        }
        put(&backend, &name(2 * round + 1), "v", None).await;
        put(&backend, &name(39 - 2 * round), "v", None).await;
        let Some(next) = page.cursor else { break };
        cursor = next;
    }
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]), "{seen:?}");
    for number in (0..40).step_by(2) {
        assert!(seen.contains(&name(number)), "{} was there throughout: {seen:?}", name(number));
    }
}

#[tokio::test]
async fn a_service_counts_lists_and_clears_in_the_namespace() {
    let Some(namespace) = server::namespace() else { return };
    let cache = service(&namespace);
    let _ = cache.set("n", &5, Ttl::NEVER).await.expect("it is stored");
    assert_eq!(cache.increment("n", 2).await.expect("it counts"), 7);
    assert_eq!(cache.keys("*").await.expect("they are listed"), ["n"]);
    assert_eq!(cache.clear().await.expect("it is cleared"), 1);
    let left: Vec<Value> = namespace.binding(json!([["list"]])).await;
    assert_eq!(left[0]["keys"], json!([]));
}
