//! How values become bytes: each codec by itself, and one after another over the same store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cache_runtime::{
    Backend, CacheError, Codec, KvCacheService, LocalKvNamespace, LocalTier, PutOptions, Value, cached,
};
use futures_util::FutureExt;
use proptest::prelude::*;
use serde::{Deserialize, Serialize};

const CODECS: [Codec; 3] = [Codec::Json, Codec::MessagePack, Codec::Postcard];

fn cache(backend: &LocalKvNamespace, codec: Codec) -> KvCacheService {
    // Without a local tier: every read decodes.
    let builder = KvCacheService::builder(Arc::new(backend.clone())).codec(codec);
    builder.local_tier(LocalTier::new(0)).build().expect("a valid prefix")
}

fn ready<T>(call: impl Future<Output = T>) -> T {
    call.now_or_never().expect("memory is ready at once")
}

/// What is read after `value` was set.
fn round_trip<V: Value>(codec: Codec, value: &V) -> Option<V> {
    let cache = cache(&LocalKvNamespace::new(), codec);
    let _ = ready(cache.set("k", value, 60)).expect("it is stored");
    ready(cache.get("k")).expect("it decodes")
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Shape {
    Empty,
    Count(i64),
    Pair(u8, u8),
    Named { name: String, parts: Vec<Shape>, ratio: Option<f32> },
}

fn shapes() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        Just(Shape::Empty),
        any::<i64>().prop_map(Shape::Count),
        any::<(u8, u8)>().prop_map(|(one, other)| Shape::Pair(one, other)),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        let ratio = proptest::option::of(proptest::num::f32::NORMAL);
        (".{0,8}", proptest::collection::vec(inner, 0..4), ratio)
            .prop_map(|(name, parts, ratio)| Shape::Named { name, parts, ratio })
    })
}

/// A pair of bytes: in `postcard` the two alone, which may look like digits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bare(u8, u8);

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_value_is_read_as_it_was_set(shape in shapes(), map in any::<BTreeMap<String, (i32, bool)>>(), text: String) {
        for codec in CODECS {
            prop_assert_eq!(round_trip(codec, &shape), Some(shape.clone()));
            prop_assert_eq!(round_trip(codec, &map), Some(map.clone()));
            prop_assert_eq!(round_trip(codec, &text), Some(text.clone()));
        }
    }

    #[test]
    fn numbers_of_every_width_are_read_as_they_were_set(
        whole: i64, large: u64, narrow in b'0'..=b'9', digits in "[0-9]{4}", real in proptest::num::f64::NORMAL,
    ) {
        // Four digits as the bytes of a number, and two as a pair, look like a counter.
        let looks = digits.bytes().fold(0_u32, |bits, byte| (bits << 8) | u32::from(byte));
        for codec in CODECS {
            prop_assert_eq!(round_trip(codec, &whole), Some(whole));
            prop_assert_eq!(round_trip(codec, &Some(whole)), Some(Some(whole)));
            prop_assert_eq!(round_trip(codec, &large), Some(large));
            prop_assert_eq!(round_trip(codec, &narrow), Some(narrow));
            prop_assert_eq!(round_trip(codec, &Bare(narrow, narrow)), Some(Bare(narrow, narrow)));
            prop_assert_eq!(round_trip(codec, &f32::from_bits(looks)), Some(f32::from_bits(looks)));
            prop_assert_eq!(round_trip(codec, &real), Some(real));
        }
    }

    #[test]
    fn any_bytes_decode_or_do_not_and_nothing_panics(bytes: Vec<u8>) {
        for codec in CODECS {
            let backend = LocalKvNamespace::new();
            let _ = ready(backend.put("app:k", bytes.clone().into(), PutOptions::default())).expect("it is stored");
            let cache = cache(&backend, codec);
            let _ = ready(cache.get::<Shape>("k"));
            let _ = ready(cache.get::<Vec<String>>("k"));
            let _ = ready(cache.get::<f32>("k"));
        }
    }
}

#[tokio::test]
async fn what_one_codec_stored_is_no_value_of_another() {
    let shape = Shape::Named { name: "one".into(), parts: vec![Shape::Count(7)], ratio: None };
    for (before, after) in CODECS.into_iter().flat_map(|one| CODECS.map(|other| (one, other))) {
        let backend = LocalKvNamespace::new();
        cache(&backend, before).set("shape", &shape, 60).await.expect("it is stored");
        cache(&backend, before).set("text", &"1".to_owned(), 60).await.expect("it is stored");
        cache(&backend, before).set("pair", &Bare(b'5', b'6'), 60).await.expect("it is stored");
        cache(&backend, before).set("yes", &true, 60).await.expect("it is stored");
        let after_it = cache(&backend, after);
        let same = before == after;
        assert_eq!(after_it.get::<Shape>("shape").await.is_ok(), same, "{before:?} to {after:?}");
        assert_eq!(after_it.get::<String>("text").await.is_ok(), same, "{before:?} to {after:?}");
        assert_eq!(after_it.get::<Bare>("pair").await.is_ok(), same, "{before:?} to {after:?}");
        assert_eq!(after_it.get::<bool>("yes").await.is_ok(), same, "{before:?} to {after:?}");
        // Integers are written alike by all.
        cache(&backend, before).set("number", &53_u8, 60).await.expect("it is stored");
        assert_eq!(after_it.get::<u8>("number").await.expect("it decodes"), Some(53));
    }
}

struct Names {
    cache: KvCacheService,
    loads: AtomicU64,
}

impl Names {
    #[cached(key = "name:<id>", ttl = 300)]
    async fn name(&self, id: u64) -> Result<String, String> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        Ok(format!("name of {id}"))
    }
}

#[tokio::test]
async fn for_a_cached_call_another_codec_on_a_live_store_is_a_miss_and_no_error() {
    for (before, after) in CODECS.into_iter().flat_map(|one| CODECS.map(|other| (one, other))) {
        let backend = LocalKvNamespace::new();
        let names = |codec| Names { cache: cache(&backend, codec), loads: AtomicU64::new(0) };
        names(before).name(7).await.expect("it loads");
        let names = names(after);
        for _ in 0..2 {
            assert_eq!(names.name(7).await.as_deref(), Ok("name of 7"), "{before:?} to {after:?}");
        }
        assert_eq!(
            names.loads.load(Ordering::Relaxed),
            u64::from(before != after),
            "{before:?} to {after:?}"
        );
    }
}

#[tokio::test]
async fn a_number_that_is_set_can_be_counted_and_a_counter_be_read_under_every_codec() {
    for codec in CODECS {
        let backend = LocalKvNamespace::new();
        let cache = cache(&backend, codec);
        for number in [0_i64, 5, 53, -7, 1_000_000_007] {
            cache.set("n", &number, 60).await.expect("it is stored");
            let stored = backend.get("app:n").await.expect("memory answers").expect("it is there");
            assert_eq!(stored.value, number.to_string(), "plain digits");
            assert_eq!(cache.increment("n", 1).await.expect("it is a number"), number + 1, "{codec:?}");
            assert_eq!(cache.get::<i64>("n").await.expect("it decodes"), Some(number + 1), "{codec:?}");
        }
    }
}

#[tokio::test]
async fn a_value_over_the_limit_is_neither_written_nor_read_under_any_codec() {
    for codec in CODECS {
        let backend = LocalKvNamespace::new();
        let limited = KvCacheService::builder(Arc::new(backend.clone())).codec(codec).value_limit(16);
        let limited = limited.build().expect("a valid prefix");
        let too_large = |result: Result<(), CacheError>| {
            matches!(result, Err(CacheError::ValueTooLarge { limit: 16, .. }))
        };
        assert!(too_large(limited.set("k", &"a".repeat(17), 60).await.map(drop)), "{codec:?}");
        assert!(limited.set("k", &"a".repeat(8), 60).await.is_ok(), "{codec:?}");
        cache(&backend, codec).set("k", &"a".repeat(17), 60).await.expect("it has no such limit");
        assert!(too_large(limited.get::<String>("k").await.map(drop)), "{codec:?}");
    }
}

#[tokio::test]
async fn trailing_bytes_are_no_value() {
    for codec in CODECS {
        let backend = LocalKvNamespace::new();
        let cache = cache(&backend, codec);
        cache.set("k", &"text".to_owned(), 60).await.expect("it is stored");
        let bytes = backend.get("app:k").await.expect("memory answers").expect("it is there").value;
        let is_space = |byte: &u8| codec == Codec::Json && byte.is_ascii_whitespace();
        for tail in (0..=255).filter(|byte| !is_space(byte)).flat_map(|byte| [vec![byte], vec![byte, byte]]) {
            let longer: Bytes = bytes.iter().chain(&tail).copied().collect();
            backend.put("app:k", longer, PutOptions::default()).await.expect("it is stored");
            let read = cache.get::<String>("k").await;
            assert!(matches!(read, Err(CacheError::Decode { .. })), "{codec:?} {tail:?}");
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Chain {
    next: Option<Box<Chain>>,
}

/// The bytes of a chain of so many links, as `codec` writes it.
fn chain(codec: Codec, links: usize) -> Bytes {
    let (head, link, end): (&[u8], &[u8], &[u8]) = match codec {
        Codec::Json => (b"{\"next\":", b"{\"next\":", b"null}"),
        Codec::MessagePack => (b"\x81\xa4next", b"\x81\xa4next", b"\xc0"),
        _ => (b"\xc1", b"\x01", b"\x00"),
    };
    let close = if codec == Codec::Json { "}".repeat(links) } else { String::new() };
    [head, &link.repeat(links), end, close.as_bytes()].concat().into()
}

#[test]
fn bytes_that_nest_without_end_are_no_value_and_overflow_no_stack() {
    // The stack that Tokio gives its workers.
    let small = std::thread::Builder::new().stack_size(2 * 1_024 * 1_024);
    let thread = small.spawn(|| {
        for codec in CODECS {
            let backend = LocalKvNamespace::new();
            let cache = cache(&backend, codec);
            let read = |links| {
                let stored = backend.put("app:k", chain(codec, links), PutOptions::default());
                let _ = ready(stored).expect("it is stored");
                ready(cache.get::<Chain>("k"))
            };
            let mut links = 0;
            let mut left = read(50).expect("it decodes").expect("it is there").next;
            while let Some(link) = left {
                (links, left) = (links + 1, link.next);
            }
            assert_eq!(links, 50, "{codec:?}");
            for links in [200, 1_000, 100_000] {
                assert!(matches!(read(links), Err(CacheError::Decode { .. })), "{codec:?}, {links}");
            }
        }
    });
    thread.expect("a thread is left").join().expect("nothing panics");
}
