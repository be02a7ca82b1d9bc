//! The same from `#[cached]`: the call still answers, it is counted, and the log says so and holds no secret.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{
    Backend, CallSiteStats, KvCacheService, LocalKvNamespace, PutOptions, Ttl, cached, call_sites,
    invalidates,
};
use serde::ser::Error as _;
use serde::{Deserialize, Serialize, Serializer};

use super::log::Log;

/// What must be in no log.
const SECRET: &str = "hunter2";

/// A number that says what it is instead of being written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Stubborn(String);

impl Serialize for Stubborn {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(S::Error::custom(format!("I will not write {}", self.0)))
    }
}

struct Service {
    cache: KvCacheService,
    memory: LocalKvNamespace,
    time: ManualClock,
    ttl: Ttl,
}

fn service() -> Service {
    let time = ManualClock::new();
    let memory = LocalKvNamespace::builder().clock(time.clock()).build();
    let cache =
        KvCacheService::builder(Arc::new(memory.clone())).clock(time.clock()).value_limit(100).build();
    Service { cache: cache.expect("a valid prefix"), memory, time, ttl: Ttl::from(60) }
}

impl Service {
    #[cached(key = "long:<id>", ttl = 60)]
    async fn of_any_length(&self, id: &str) -> usize {
        id.len()
    }

    #[invalidates("long:<id>")]
    async fn forget(&self, id: &str) -> usize {
        id.len()
    }

    #[cached(key = "<id>", ttl = 60)]
    async fn by_id_alone(&self, id: &str) -> String {
        id.to_owned()
    }

    #[cached(key = "zero:<id>", ttl = self.ttl)]
    async fn with_any_ttl(&self, id: &str) -> String {
        id.to_owned()
    }

    #[cached(key = "bytes:<id>", ttl = 60)]
    async fn undecodable(&self, id: &str) -> String {
        id.to_owned()
    }

    #[cached(key = "large:<id>", ttl = 60)]
    async fn too_large(&self, id: &str) -> String {
        id.repeat(50)
    }

    #[cached(key = "found-large:<id>", ttl = 60)]
    async fn found_too_large(&self, id: &str) -> String {
        id.to_owned()
    }

    #[cached(key = "pairs:<id>", ttl = 60)]
    async fn no_json(&self, id: &str) -> HashMap<(u8, u8), String> {
        HashMap::from([((1, 2), id.to_owned())])
    }

    #[cached(key = "stubborn:<id>", ttl = 60)]
    async fn stubborn(&self, id: &str) -> Stubborn {
        Stubborn(id.to_owned())
    }

    #[cached(key = "often:<id>", ttl = 60)]
    async fn often(&self, id: &str) -> String {
        id.repeat(50)
    }
}

/// What was counted at the attribute of this method.
fn stats(method: &str) -> CallSiteStats {
    let suffix = format!("::{method}");
    let site = call_sites().into_iter().find(|site| site.function().ends_with(&suffix));
    site.expect("the method was called").stats()
}

/// One line at `warn` which names the method, its template and the reason, and holds no secret.
fn assert_warned(log: &Log, method: &str, template: &str, reason: &str) {
    let lines = log.take();
    let warnings: Vec<&String> = lines.iter().filter(|line| line.starts_with("WARN ")).collect();
    assert_eq!(warnings.len(), 1, "{lines:#?}");
    for part in [method, template, reason] {
        assert!(warnings[0].contains(part), "{part}: {lines:#?}");
    }
    assert!(!lines.iter().any(|line| line.contains(SECRET)), "{lines:#?}");
}

async fn assert_nothing_stored(s: &Service) {
    assert_eq!(s.cache.keys("*").await.expect("memory lists"), [""; 0]);
}

#[tokio::test]
async fn a_call_with_too_long_a_key_answers_uncached() {
    let ((log, _guard), s) = (Log::begin(), service());
    let id = SECRET.repeat(100);
    assert_eq!((s.of_any_length(&id).await, s.of_any_length(&id).await), (700, 700));
    assert_nothing_stored(&s).await;
    let stats = stats("of_any_length");
    assert_eq!((stats.misses, stats.uncached, stats.loads, stats.fills, stats.errors), (2, 2, 2, 0, 0));
    assert_warned(
        &log,
        "of_any_length",
        "long:<id>",
        "the key with its prefix has 709 bytes, the limit is 512",
    );
    assert_eq!(s.forget(&id).await, 700, "nothing is stored there, so nothing is left to invalidate");
}

#[tokio::test]
async fn a_call_with_an_empty_key_answers_uncached() {
    let ((log, _guard), s) = (Log::begin(), service());
    assert_eq!(s.by_id_alone("").await, "");
    assert_nothing_stored(&s).await;
    assert_eq!(stats("by_id_alone").uncached, 1);
    assert_warned(&log, "by_id_alone", "<id>", "the key is empty");
}

#[tokio::test]
async fn a_call_with_a_ttl_of_zero_or_beyond_the_longest_answers_unstored() {
    let (log, _guard) = Log::begin();
    for (ttl, reason, errors) in
        [(Ttl::from(0), "it is zero", 1), (Ttl::from(u64::MAX), "longer than 1,000 years", 2)]
    {
        let s = Service { ttl, ..service() };
        s.time.advance(Duration::from_mins(errors));
        assert_eq!(s.with_any_ttl(SECRET).await, SECRET);
        assert_nothing_stored(&s).await;
        assert_eq!(stats("with_any_ttl").errors, errors);
        assert_warned(&log, "with_any_ttl", "zero:<id>", reason);
    }
}

#[tokio::test]
async fn a_call_that_finds_undecodable_bytes_loads_and_writes_over_them() {
    let ((log, _guard), s) = (Log::begin(), service());
    let key = "app:bytes:hunter2";
    s.memory.put(key, "{hunter2".into(), PutOptions::default()).await.expect("memory stores");
    assert_eq!(
        (s.undecodable(SECRET).await, s.undecodable(SECRET).await),
        (SECRET.to_owned(), SECRET.to_owned())
    );
    let stats = stats("undecodable");
    assert_eq!((stats.unusable, stats.loads, stats.fills, stats.hits), (1, 1, 1, 1));
    assert_eq!(s.cache.get::<String>("bytes:hunter2").await.expect("it decodes").as_deref(), Some(SECRET));
    assert!(!log.take().iter().any(|line| line.contains(SECRET)));
}

#[tokio::test]
async fn a_call_whose_value_is_over_the_limit_answers_unstored() {
    let ((log, _guard), s) = (Log::begin(), service());
    assert_eq!(s.too_large(SECRET).await.len(), 350);
    assert_nothing_stored(&s).await;
    assert_eq!(stats("too_large").errors, 1);
    assert_warned(&log, "too_large", "large:<id>", "the value is larger than the limit of 100 bytes");
    assert_eq!(s.too_large("x").await.len(), 50);
    assert_eq!(s.cache.keys("*").await.expect("memory lists"), ["large:x"], "another value is stored");
}

#[tokio::test]
async fn a_call_that_finds_a_value_over_the_limit_loads() {
    let ((log, _guard), s) = (Log::begin(), service());
    let large = format!("{:?}", SECRET.repeat(50));
    s.memory
        .put("app:found-large:hunter2", large.into(), PutOptions::default())
        .await
        .expect("memory stores");
    assert_eq!(s.found_too_large(SECRET).await, SECRET);
    assert_eq!(stats("found_too_large").unusable, 1);
    assert!(!log.take().iter().any(|line| line.contains(SECRET)));
}

#[tokio::test]
async fn a_call_whose_value_is_no_json_answers_unstored() {
    let ((log, _guard), s) = (Log::begin(), service());
    assert_eq!(s.no_json(SECRET).await.len(), 1);
    assert_nothing_stored(&s).await;
    assert_eq!(stats("no_json").errors, 1);
    assert_warned(&log, "no_json", "pairs:<id>", "cached call: the value could not be encoded as JSON");
}

#[tokio::test]
async fn a_value_that_quotes_itself_in_its_own_error_is_not_in_the_log() {
    let ((log, _guard), s) = (Log::begin(), service());
    assert_eq!(s.stubborn(SECRET).await, Stubborn(SECRET.to_owned()));
    assert_nothing_stored(&s).await;
    assert_eq!(stats("stubborn").errors, 1);
    assert_warned(&log, "stubborn", "stubborn:<id>", "cached call: the value could not be encoded as JSON");
}

#[tokio::test]
async fn one_call_site_warns_at_most_once_in_ten_seconds_and_counts_every_time() {
    let ((log, _guard), s) = (Log::begin(), service());
    for (after, lines) in [(0, 1), (0, 0), (9_999, 0), (1, 1), (1, 0), (10_000, 1)] {
        s.time.advance(Duration::from_millis(after));
        s.often(SECRET).await;
        assert_eq!(log.take().iter().filter(|line| line.starts_with("WARN ")).count(), lines, "{after}");
    }
    assert_eq!(stats("often").errors, 6);
}

#[tokio::test]
async fn get_or_load_with_a_bad_key_or_ttl_answers_unstored() {
    let ((log, _guard), s) = (Log::begin(), service());
    let too_long = SECRET.repeat(100);
    for (key, ttl) in
        [("", 60), ("a\nhunter2", 60), (too_long.as_str(), 60), ("hunter2", 0), ("hunter2", u64::MAX)]
    {
        let answer = s.cache.get_or_load(key, ttl, async || Ok::<_, String>(SECRET.to_owned())).await;
        assert_eq!(answer.as_deref(), Ok(SECRET));
        assert_nothing_stored(&s).await;
    }
    assert!(!log.take().iter().any(|line| line.contains(SECRET)));
}
