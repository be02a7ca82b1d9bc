//! What can be seen of the cache at work: spans and metrics, without a key part or a value in them.

#[path = "bad_input/log.rs"]
mod log;

use std::collections::BTreeMap;

use cache_runtime::{KvCacheService, cached, invalidates, publish_metrics, updates};
use metrics_util::debugging::{DebugValue, DebuggingRecorder};

use log::Log;

struct Secrets {
    cache: KvCacheService,
}

impl Secrets {
    #[cached(key = "secret:<id>", ttl = 300)]
    async fn secret(&self, id: &str) -> Result<String, String> {
        Ok(format!("value of {id}"))
    }

    #[invalidates("secret:<id>")]
    async fn change(&self, id: &str) -> Result<(), String> {
        let _ = id;
        Ok(())
    }

    #[updates("secret:<id>", ttl = 300)]
    async fn replace(&self, id: &str) -> Result<String, String> {
        Ok(format!("value of {id}"))
    }

    #[cached(key = "counted:<id>", ttl = 300)]
    async fn counted(&self, id: u64) -> Result<u64, String> {
        if id == 0 { Err("no".into()) } else { Ok(id) }
    }

    #[invalidates("counted:<id>")]
    async fn count_again(&self, id: u64) -> Result<(), String> {
        let _ = id;
        Ok(())
    }
}

fn secrets() -> Secrets {
    Secrets { cache: KvCacheService::in_memory() }
}

/// The spans that `call` opens, by the fields that tell them apart.
async fn spans<T>(call: impl Future<Output = T>) -> Vec<String> {
    let (log, _guard) = Log::begin();
    call.await;
    let lines = log.take();
    for line in &lines {
        assert!(line.starts_with("INFO ") && line.contains("template=\"secret:<id>\""), "{line}");
        assert!(line.contains("function=\"observed::") && !line.contains("classified"), "{line}");
    }
    lines
}

#[tokio::test]
async fn loads_fills_and_invalidations_have_spans_and_hits_have_none() {
    let secrets = secrets();
    assert_eq!(spans(secrets.secret("classified")).await.len(), 2, "a load and a fill");
    assert!(spans(secrets.secret("classified")).await.is_empty(), "a hit");
    let written = spans(secrets.change("classified")).await;
    assert_eq!(written.len(), 2);
    assert!(written[0].contains("step=\"begin\"") && written[1].contains("step=\"end\""), "{written:?}");
    assert_eq!(spans(secrets.replace("classified")).await.len(), 2);
    assert!(spans(secrets.secret("classified")).await.is_empty(), "a hit");
    secrets.cache.disable();
    assert_eq!(spans(secrets.secret("classified")).await.len(), 1, "a load");
}

#[tokio::test]
async fn the_metrics_are_the_counts_of_the_call_sites() {
    // A span's place in the code that is first met where nobody listens is not listened to elsewhere.
    let _log = Log::begin();
    let secrets = secrets();
    for id in [1, 1, 1, 2, 0] {
        let _ = secrets.counted(id).await;
    }
    secrets.count_again(1).await.expect("it writes");
    let recorder = DebuggingRecorder::new();
    let published = || {
        metrics::with_local_recorder(&recorder, publish_metrics);
        let mut counts = BTreeMap::new();
        for (key, unit, meaning, value) in recorder.snapshotter().snapshot().into_vec() {
            assert!(unit.is_some() && meaning.is_some(), "{key:?}");
            let labels: BTreeMap<_, _> =
                key.key().labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
            let function = labels["function"].rsplit("::").next().unwrap_or_default().to_owned();
            if labels["template"] == "counted:<id>" {
                counts.insert((function, key.key().name().to_owned()), value);
            }
        }
        counts
    };
    let counts = published();
    let count = |function: &str, name: &str| &counts[&(function.to_owned(), name.to_owned())];
    for (name, expected) in
        [("cache_hits", 2), ("cache_misses", 3), ("cache_loads", 3), ("cache_fills", 2), ("cache_errors", 0)]
    {
        assert_eq!(*count("counted", name), DebugValue::Counter(expected), "{name}");
    }
    assert_eq!(*count("count_again", "cache_invalidations"), DebugValue::Counter(1));
    assert!(matches!(count("counted", "cache_load_seconds"), DebugValue::Gauge(seconds) if seconds.0 > 0.0));
    // Published again, nothing is counted twice.
    secrets.counted(1).await.expect("it loads");
    secrets.counted(1).await.expect("it is there");
    let again = published();
    assert_eq!(again[&("counted".to_owned(), "cache_hits".to_owned())], DebugValue::Counter(3));
}
