//! The parts for users' tests: what they promise, and the page that shows them.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::testing::{Fault, FaultyBackend, ManualClock, Operation, RecordingBackend};
use cache_runtime::{Backend, BackendError, KvCacheService, LocalKvNamespace, PutOptions};
use futures_util::FutureExt;

/// The same page, at the edge.
#[path = "testing/shop.rs"]
#[expect(clippy::unwrap_used, reason = "as users write tests")]
mod shop;
/// What the page "Testing your service" shows.
#[path = "testing/weather.rs"]
#[expect(clippy::unwrap_used, reason = "as users write tests")]
mod weather;

mod contract {
    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::testing::{FaultyBackend, ManualClock, RecordingBackend};
    use cache_runtime::{Backend, LocalKvNamespace};

    fn subject_of<B: Backend>(wrap: impl FnOnce(LocalKvNamespace) -> B) -> Subject {
        let time = ManualClock::new();
        Subject::new(wrap(LocalKvNamespace::builder().clock(time.clock()).build()), Time::Manual(time))
    }

    /// A wrapper that is told nothing is as good as what it wraps.
    mod of_a_faulty_backend {
        use super::{FaultyBackend, Subject, subject_of};

        async fn subject() -> Subject {
            subject_of(FaultyBackend::new)
        }

        cache_runtime::backend_contract!(subject);
    }

    mod of_a_recording_backend {
        use super::{RecordingBackend, Subject, subject_of};

        async fn subject() -> Subject {
            subject_of(RecordingBackend::new)
        }

        cache_runtime::backend_contract!(subject);
    }
}

async fn put(backend: &impl Backend, key: &str) -> Result<(), BackendError> {
    backend.put(key, Bytes::from_static(b"1"), PutOptions::default()).await.map(drop)
}

#[tokio::test]
async fn a_fault_before_the_work_leaves_it_undone_and_one_after_it_done() {
    for (fault, is_done) in
        [(Fault::Error, false), (Fault::ErrorAfter, true), (Fault::Hang, false), (Fault::HangAfter, true)]
    {
        let backend = FaultyBackend::new(LocalKvNamespace::new());
        backend.set(Operation::Put, fault);
        let answered = put(&backend, "k").now_or_never();
        assert_eq!(answered.is_none(), matches!(fault, Fault::Hang | Fault::HangAfter), "{fault:?}");
        assert!(answered.is_none_or(|answer| answer.is_err()), "{fault:?}");
        assert_eq!(backend.get("k").await.expect("it has no fault").is_some(), is_done, "{fault:?}");
        backend.heal();
        put(&backend, "k").await.expect("it is healed");
        assert_eq!(backend.calls(), 3);
    }
}

#[tokio::test]
async fn a_delay_passes_on_the_clock_of_the_backend() {
    let time = ManualClock::new();
    let backend = FaultyBackend::new(LocalKvNamespace::builder().clock(time.clock()).build());
    backend.set_all(Fault::Delay(Duration::from_secs(1)));
    let mut asked = pin!(backend.get("k"));
    assert!(asked.as_mut().now_or_never().is_none());
    time.advance(Duration::from_millis(999));
    assert!(asked.as_mut().now_or_never().is_none());
    time.advance(Duration::from_millis(1));
    assert!(asked.as_mut().now_or_never().is_some());
}

#[tokio::test]
async fn faults_by_chance_are_those_of_their_seed_and_about_as_many_as_asked_for() {
    let pattern = |seed| {
        let backend = FaultyBackend::new(LocalKvNamespace::new());
        backend.set_by_chance(seed, 30, [Fault::Error, Fault::ErrorAfter]);
        (0..1_000)
            .map(|_| put(&backend, "k").now_or_never().expect("memory is ready").is_err())
            .collect::<Vec<_>>()
    };
    let failed = pattern(1).into_iter().filter(|failed| *failed).count();
    assert!((250..350).contains(&failed), "{failed} of 1,000");
    assert_eq!(pattern(1), pattern(1));
    assert_ne!(pattern(1), pattern(2));
}

#[tokio::test]
async fn every_operation_has_a_fault_of_its_own() {
    let backend = FaultyBackend::new(LocalKvNamespace::new());
    for operation in Operation::ALL {
        backend.heal();
        backend.set(operation, Fault::Error);
        let results = [
            (Operation::Get, backend.get("k").await.is_err()),
            (Operation::Put, put(&backend, "k").await.is_err()),
            (Operation::Read, backend.read("k").await.is_err()),
            (Operation::DeletePrefix, backend.delete_prefix("k").await.is_err()),
            (Operation::BeginWrite, backend.begin_write(&["k"], Duration::from_secs(1)).await.is_err()),
            (Operation::Health, backend.health().await.is_err()),
        ];
        for (asked, failed) in results {
            assert_eq!(failed, asked == operation, "{asked:?} under a fault of {operation:?}");
        }
    }
}

#[tokio::test]
async fn a_recording_has_the_operations_in_their_order_with_keys_and_ends_and_no_value() {
    let faulty = FaultyBackend::new(LocalKvNamespace::new());
    let backend = RecordingBackend::new(faulty.clone());
    faulty.set(Operation::Delete, Fault::Error);
    faulty.set(Operation::Touch, Fault::Hang);
    backend.put("a", Bytes::from_static(b"secret"), PutOptions::default()).await.expect("it is stored");
    backend.get_many(&["a", "b"]).await.expect("it is read");
    backend.delete("a").await.expect_err("it has a fault");
    assert!(backend.touch("a", None).now_or_never().is_none());
    let records: Vec<_> = backend
        .records()
        .into_iter()
        .map(|record| (record.operation, record.keys.join(" "), record.succeeded))
        .collect();
    let expected = [
        (Operation::Put, "a".to_owned(), Some(true)),
        (Operation::GetMany, "a b".to_owned(), Some(true)),
        (Operation::Delete, "a".to_owned(), Some(false)),
        (Operation::Touch, "a".to_owned(), None),
    ];
    assert_eq!(records, expected);
    assert!(!format!("{backend:?} {:?}", backend.records()).contains("secret"));
    backend.forget();
    assert_eq!((backend.operations(), backend.count(Operation::Put)), (Vec::new(), 0));
}

#[tokio::test]
async fn a_backend_that_is_shared_can_be_wrapped() {
    let shared: Arc<dyn Backend> = Arc::new(LocalKvNamespace::new());
    let recording = RecordingBackend::over(shared);
    let cache = KvCacheService::builder(Arc::new(recording.clone())).build().expect("a valid prefix");
    cache.set("k", &1, 60).await.expect("it is stored");
    assert_eq!(recording.operations(), [Operation::Put]);
    assert_eq!(recording.inner().name(), "memory");
}
