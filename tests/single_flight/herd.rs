//! Ten thousand who come at once.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use cache_runtime::{KvCacheService, cached};

use super::shop::{Failure, Shop, Unshared, shop, within};

const CALLERS: usize = 10_000;

/// Spawns callers of one key and lets the loads end once all of them wait or load.
async fn herd<T, F>(shop: &Shop, call: impl Fn(Shop) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let waiting = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (call, waiting) = (call(shop.clone()), Arc::clone(&waiting));
            tokio::spawn(async move {
                let mut call = pin!(call);
                let first = poll_fn(|context| Poll::Ready(call.as_mut().poll(context))).await;
                waiting.fetch_add(1, Ordering::SeqCst);
                match first {
                    Poll::Ready(value) => value,
                    Poll::Pending => call.await,
                }
            })
        })
        .collect();
    while waiting.load(Ordering::SeqCst) < CALLERS {
        tokio::task::yield_now().await;
    }
    assert_eq!(shop.loads(), 1, "all but one wait");
    shop.open();
    let mut all = Vec::with_capacity(CALLERS);
    for task in tasks {
        all.push(task.await.expect("no caller panics"));
    }
    all
}

/// A report with a loader that takes its time, by the machine's clock.
#[derive(Clone)]
struct Reports {
    cache: KvCacheService,
    loads: Arc<AtomicUsize>,
    nanos: Arc<AtomicU64>,
    running: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Reports {
    fn new() -> Self {
        Self {
            cache: KvCacheService::in_memory(),
            loads: Arc::default(),
            nanos: Arc::default(),
            running: Arc::default(),
            most: Arc::default(),
        }
    }

    #[cached(key = "report:<id>", ttl = 300)]
    async fn report(&self, id: u64) -> String {
        self.work(Duration::from_millis(50)).await;
        format!("report {id}")
    }

    #[cached(key = "broken:<id>", ttl = 300)]
    async fn broken(&self, id: u64) -> Result<String, Unshared> {
        self.work(Duration::from_millis(2)).await;
        Err(Unshared(id))
    }

    async fn work(&self, length: Duration) {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        let began = Instant::now();
        tokio::time::sleep(length).await;
        let nanos = u64::try_from(began.elapsed().as_nanos()).expect("no load takes 500 years");
        self.nanos.fetch_add(nanos, Ordering::SeqCst);
        self.running.fetch_sub(1, Ordering::SeqCst);
    }

    /// How long the loads took, one after another.
    fn load_time(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_callers_of_one_cold_key_cause_one_load_and_take_about_as_long() {
    let reports = Reports::new();
    let began = Instant::now();
    let calls: Vec<_> = (0..CALLERS)
        .map(|_| {
            let reports = reports.clone();
            tokio::spawn(async move { reports.report(7).await })
        })
        .collect();
    within(async {
        for call in calls {
            assert_eq!(call.await.expect("no caller panics"), "report 7");
        }
    })
    .await;
    let took = began.elapsed();
    println!("{CALLERS} callers of a cold key: {took:?}, of which the one load {:?}", reports.load_time());
    assert_eq!(reports.loads.load(Ordering::SeqCst), 1);
    assert!(took < reports.load_time() + Duration::from_secs(5), "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_waiters_share_the_value_of_one_load() {
    let shop = shop();
    let all = within(herd(&shop, |shop| async move { shop.price(7).await })).await;
    assert!(all.iter().all(|price| *price == 1));
    assert_eq!(shop.loads(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_waiters_share_an_error_that_is_clone() {
    let shop = shop();
    let all = within(herd(&shop, |shop| async move { shop.fails(7).await })).await;
    assert!(all.iter().all(|failed| *failed == Err(Failure(1))));
    assert_eq!(shop.loads(), 1);
    assert_eq!(shop.fails(7).await, Err(Failure(1)));
    assert_eq!(shop.loads(), 2, "an error is not stored");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn ten_thousand_waiters_with_an_error_that_is_not_clone_get_one_each() {
    let shop = shop();
    let all = within(herd(&shop, |shop| async move { shop.fails_alone(7).await })).await;
    assert!(all.iter().all(|failed| *failed == Err(Unshared(1))));
    assert_eq!(shop.loads(), CALLERS as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn failures_that_cannot_be_shared_are_loaded_a_few_at_a_time_and_not_one_after_another() {
    let reports = Reports::new();
    let began = Instant::now();
    let calls: Vec<_> = (0..CALLERS)
        .map(|_| {
            let reports = reports.clone();
            tokio::spawn(async move { reports.broken(7).await })
        })
        .collect();
    within(async {
        for call in calls {
            assert_eq!(call.await.expect("no caller panics"), Err(Unshared(7)));
        }
    })
    .await;
    let (took, one_by_one) = (began.elapsed(), reports.load_time());
    let most = reports.most.load(Ordering::SeqCst);
    println!("{CALLERS} failures: {took:?}, {most} at a time at most; one after another {one_by_one:?}");
    assert!((2..=64).contains(&most), "{most} at a time");
    assert!(took < one_by_one / 4, "{took:?} of {one_by_one:?}");
}
