//! Tags and time: writers that vanish, what is kept past its time, and generations that outlive what they kill.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use futures_util::FutureExt;

use cache_runtime::{Backend, KvCacheService, LocalKvNamespace, Policy, Ttl};

const GENERATION: &str = "app!g:org:5";

struct Shop {
    time: ManualClock,
    backend: Arc<LocalKvNamespace>,
    caches: [KvCacheService; 2],
    source: AtomicU64,
    fails: bool,
    loads: AtomicU64,
}

impl Shop {
    fn new() -> Self {
        let time = ManualClock::new();
        let backend = Arc::new(LocalKvNamespace::builder().clock(time.clock()).build());
        let cache = || {
            let backend: Arc<dyn Backend> = Arc::<LocalKvNamespace>::clone(&backend);
            KvCacheService::builder(backend).clock(time.clock()).build().expect("a valid prefix")
        };
        let caches = [cache(), cache()];
        Self { time, backend, caches, source: AtomicU64::new(0), fails: false, loads: AtomicU64::new(0) }
    }

    async fn read(&self, process: usize, policy: Policy<u64>) -> Result<u64, &'static str> {
        let load = async || {
            self.loads.fetch_add(1, Ordering::SeqCst);
            if self.fails { Err("the source is down") } else { Ok(self.source.load(Ordering::SeqCst)) }
        };
        self.caches[process].get_or_load("key", policy.tags(["org:5"]), load).await
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn tag_markers_live_as_long_as_the_entries_that_they_should_kill() {
    let shop = Shop::new();
    assert_eq!(shop.read(0, Policy::new(Ttl::NEVER)).await, Ok(0));
    shop.source.store(1, Ordering::SeqCst);
    shop.caches[1].invalidate_tag("org:5").await.expect("memory answers");
    // Nobody asks for years.
    shop.time.advance(Duration::from_hours(24 * 365 * 10));
    assert_eq!(shop.read(1, Policy::new(Ttl::NEVER)).await, Ok(1));
    assert_eq!(shop.read(0, Policy::new(Ttl::NEVER)).await, Ok(1));
    shop.time.advance(Duration::from_hours(24 * 365 * 10));
    assert_eq!((shop.read(0, Policy::new(Ttl::NEVER)).await, shop.loads()), (Ok(1), 2));
}

#[tokio::test]
async fn under_a_barred_tag_everybody_loads_and_nobody_fills() {
    let shop = Shop::new();
    assert_eq!(shop.read(0, Policy::new(300)).await, Ok(0));
    let writer = shop.backend.begin_write(&[GENERATION], Duration::from_secs(30)).await.expect("it answers");
    shop.source.store(1, Ordering::SeqCst);
    for loads in 2..5 {
        assert_eq!((shop.read(0, Policy::new(300)).await, shop.loads()), (Ok(1), loads));
    }
    // The lease of the key was not kept by any of them.
    shop.backend.finish_write(&[GENERATION], writer, None).await.expect("it answers");
    for process in [0, 1, 0] {
        assert_eq!((shop.read(process, Policy::new(300)).await, shop.loads()), (Ok(1), 5));
    }
}

#[tokio::test]
async fn a_dropped_writer_of_a_tag_leaves_nothing_old_behind() {
    let shop = Shop::new();
    assert_eq!(shop.read(0, Policy::new(300)).await, Ok(0));
    let _dropped =
        shop.backend.begin_write(&[GENERATION], Duration::from_secs(30)).await.expect("it answers");
    assert_eq!(shop.read(1, Policy::new(300)).await, Ok(0));
    shop.time.advance(Duration::from_secs(29));
    // It commits after all, at the last moment.
    shop.source.store(1, Ordering::SeqCst);
    shop.time.advance(Duration::from_secs(2));
    assert_eq!((shop.read(1, Policy::new(300)).await, shop.loads()), (Ok(1), 3));
    assert_eq!((shop.read(0, Policy::new(300)).await, shop.loads()), (Ok(1), 3));
}

#[tokio::test]
async fn what_is_kept_for_errors_is_not_served_once_its_tag_was_invalidated() {
    let mut shop = Shop::new();
    let policy = || Policy::new(10).stale_if_error(Ttl::from(1_000));
    assert_eq!(shop.read(0, policy()).await, Ok(0));
    shop.time.advance(Duration::from_secs(20));
    shop.fails = true;
    assert_eq!((shop.read(0, policy()).await, shop.read(1, policy()).await), (Ok(0), Ok(0)));
    shop.caches[1].invalidate_tag("org:5").await.expect("memory answers");
    assert_eq!(shop.read(0, policy()).await, Err("the source is down"));
    assert_eq!(shop.read(1, policy()).await, Err("the source is down"));
}

#[tokio::test]
async fn a_reader_that_is_dropped_gives_the_leases_of_key_and_tag_back() {
    let shop = Shop::new();
    let cache = &shop.caches[0];
    let policy = || Policy::<u64>::new(300).tags(["org:5"]);
    {
        let pending = cache.get_or_load("key", policy(), async || {
            std::future::pending::<()>().await;
            Ok::<_, Infallible>(0)
        });
        assert!(pending.now_or_never().is_none());
    }
    assert_eq!((shop.read(1, Policy::new(300)).await, shop.read(0, Policy::new(300)).await), (Ok(0), Ok(0)));
    assert_eq!(shop.loads(), 1);
}
