//! What the handle does beyond the recorded calls: pages while keys change, streams that fail, and other backends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::testing::ManualClock;
use cache_runtime::{CacheError, KvCacheService, KvNamespace, LocalKvNamespace, SetOutcome, Ttl};
use futures_util::{StreamExt, stream};

fn memory() -> (ManualClock, KvNamespace) {
    let time = ManualClock::new();
    let namespace = LocalKvNamespace::builder().clock(time.clock()).build();
    (time, namespace.into())
}

async fn put(kv: &KvNamespace, key: &str, value: &'static str) {
    assert_eq!(kv.put(key, value).execute().await.expect("it is stored"), SetOutcome::Stored);
}

#[tokio::test]
async fn a_value_ends_at_its_second_and_not_before() {
    let (time, kv) = memory();
    time.advance(Duration::from_millis(400));
    let at = time.clock().unix_time().as_secs() + 10;
    let _ = kv.put("k", "v").expiration(at).execute().await.expect("it is stored");
    let keys = kv.list().all().await.expect("it is listed");
    assert_eq!(keys[0].expiration, Some(at));
    time.advance(Duration::from_millis(9_599));
    assert!(kv.get("k").text().await.expect("it is read").is_some());
    time.advance(Duration::from_millis(1));
    assert!(kv.get("k").text().await.expect("it is read").is_none());
}

#[tokio::test]
async fn without_cloudflares_limits_a_value_may_live_for_a_second() {
    let (time, kv) = memory();
    let _ = kv.put("k", "v").expiration_ttl(1).execute().await.expect("it is stored");
    time.advance(Duration::from_millis(999));
    assert!(kv.get("k").bytes().await.expect("it is read").is_some());
    time.advance(Duration::from_millis(1));
    assert!(kv.get("k").bytes().await.expect("it is read").is_none());
    kv.put("k", "v").expiration_ttl(0).execute().await.expect_err("it would have ended before it began");
}

#[tokio::test]
async fn an_end_beyond_all_time_is_kept_or_refused_and_never_wraps() {
    for namespace in [LocalKvNamespace::new(), LocalKvNamespace::builder().cloudflare_limits().build()] {
        let kv = KvNamespace::from(namespace);
        for seconds in [u64::MAX, u64::MAX - 1_795_463_060, i64::MAX as u64, 1 << 40] {
            let _ = kv.put("ttl", "v").expiration_ttl(seconds).execute().await;
            let _ = kv.put("at", "v").expiration(seconds).execute().await;
            for key in kv.list().all().await.expect("it is listed") {
                assert!(key.expiration.is_none_or(|at| at >= 1 << 40), "{key:?}");
            }
        }
    }
}

#[tokio::test]
async fn pages_go_on_while_keys_come_and_go() {
    let (time, kv) = memory();
    let name = |number: usize| format!("k{number:03}");
    for number in (0..100).step_by(2) {
        put(&kv, &name(number), "v").await;
    }
    let (mut seen, mut cursor) = (Vec::new(), None);
    for round in 0_usize.. {
        let list = kv.list().prefix("k").limit(7);
        let list = if let Some(cursor) = cursor { list.cursor(cursor) } else { list };
        let page = list.execute().await.expect("it is listed");
        assert!(page.keys.len() <= 7);
        seen.extend(page.keys.iter().map(|key| key.name.clone()));
        // Behind the page and before it: one goes, one comes, one expires, the last of the page goes.
        kv.delete(&name(round)).await.expect("it is removed");
        put(&kv, &name(2 * round + 1), "v").await;
        let short = name(99 - 2 * round);
        let _ = kv.put(&short, "v").expiration_ttl(1).execute().await.expect("it is stored");
        time.advance(Duration::from_secs(1));
        if let Some(last) = page.keys.last() {
            kv.delete(&last.name).await.expect("it is removed");
        }
        cursor = page.cursor;
        assert_eq!(page.list_complete, cursor.is_none());
        if cursor.is_none() {
            break;
        }
    }
    assert!(seen.is_sorted() && seen.windows(2).all(|pair| pair[0] != pair[1]));
    for number in (20..100).step_by(2) {
        assert!(seen.contains(&name(number)), "{} was there throughout", name(number));
    }
}

#[tokio::test]
async fn a_stream_that_fails_stores_nothing() {
    let (_, kv) = memory();
    put(&kv, "k", "old").await;
    let pieces = [Ok(Bytes::from_static(b"half")), Err(std::io::Error::other("the sender is gone"))];
    let error = kv.put_stream("k", stream::iter(pieces)).execute().await.expect_err("the stream fails");
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(source.contains("the sender is gone"), "{source}");
    assert_eq!(kv.get("k").text().await.expect("it is read").as_deref(), Some("old"));
}

#[tokio::test]
async fn a_stream_without_end_is_refused_at_the_limit() {
    let (_, kv) = memory();
    let piece = Bytes::from(vec![0; 1 << 20]);
    let endless = stream::repeat_with(move || Ok::<_, std::io::Error>(piece.clone()));
    let error = kv.put_stream("k", endless).execute().await.expect_err("it is too long");
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(
        source.contains("413 Value length of 26214401 exceeds") || source.contains("413 Value"),
        "{source}"
    );
    assert!(kv.get("k").bytes().await.expect("it is read").is_none());
}

#[tokio::test]
async fn a_stream_gives_the_value_and_its_metadata() {
    let (_, kv) = memory();
    let _ =
        kv.put("k", "value").metadata(&[1, 2]).expect("it is JSON").execute().await.expect("it is stored");
    let found = kv.get("k").stream_with_metadata().await.expect("it is read").expect("it is there");
    assert_eq!(found.metadata::<[u8; 2]>().expect("they are numbers"), Some([1, 2]));
    let pieces: Vec<_> = found.value.collect().await;
    let value: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.expect("it is read").to_vec()).collect();
    assert_eq!(value, b"value");
}

#[tokio::test]
async fn what_is_not_the_json_of_the_type_is_an_error_that_does_not_show_it() {
    let (_, kv) = memory();
    let _ =
        kv.put("k", "s3cret").metadata("s3cret").expect("it is JSON").execute().await.expect("it is stored");
    let error = kv.get("k").json::<u8>().await.expect_err("it is no number");
    assert!(matches!(error, CacheError::Decode { operation: "get", backend: "memory", codec: "JSON" }));
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    let found = kv.get("k").text_with_metadata().await.expect("it is read").expect("it is there");
    let error = found.metadata::<u8>().expect_err("it is no number");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
    kv.get_bulk(&["k"]).json::<u8>().await.expect_err("it is no JSON");
}

#[tokio::test]
async fn no_debug_output_shows_a_key_or_a_value() {
    let (_, kv) = memory();
    let put = kv.put("s3cret", "s3cret").metadata("s3cret").expect("it is JSON");
    let shown = format!(
        "{kv:?} {put:?} {:?} {:?} {:?}",
        kv.get("s3cret"),
        kv.get_bulk(&["s3cret"]),
        kv.list().prefix("s3cret")
    );
    let _ = put.execute().await.expect("it is stored");
    let shown = format!("{shown} {:?}", kv.list().execute().await.expect("it is listed"));
    assert!(!shown.contains("s3cret"), "{shown}");
}

#[tokio::test]
async fn a_service_and_a_handle_share_a_namespace() {
    let kv = KvNamespace::from(LocalKvNamespace::new());
    let cache = KvCacheService::builder(Arc::clone(kv.backend())).build().expect("the prefix is good");
    let _ = cache.set("n", &vec![1, 2], Ttl::NEVER).await.expect("it is stored");
    assert_eq!(kv.get("app:n").json::<Vec<u8>>().await.expect("it is read"), Some(vec![1, 2]));
    put(&kv, "app:m", "[3]").await;
    assert_eq!(cache.get::<Vec<u8>>("m").await.expect("it is read"), Some(vec![3]));
}
