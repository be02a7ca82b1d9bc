//! Loads that need each other, and loads that need themselves.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{KvCacheService, cached};

use super::shop::{Shop, end_by_steps, shop, within};

/// Methods that call each other a given number of times.
#[derive(Clone)]
struct Family {
    cache: KvCacheService,
    /// Of which the clock is used.
    shop: Shop,
    loads: Arc<AtomicU64>,
}

type Boxed<'a> = Pin<Box<dyn Future<Output = u64> + Send + 'a>>;

impl Family {
    fn new() -> Self {
        let shop = shop();
        Self { cache: shop.cache.clone(), shop, loads: Arc::default() }
    }

    #[cached(key = "mother:<id>", ttl = 300, skip(depth))]
    async fn mother(&self, id: u64, depth: u32) -> u64 {
        self.begin().await;
        match depth {
            0 => id,
            _ => self.child_boxed(id, depth - 1).await,
        }
    }

    #[cached(key = "child:<id>", ttl = 300, skip(depth))]
    async fn child(&self, id: u64, depth: u32) -> u64 {
        self.begin().await;
        match depth {
            0 => id,
            _ => self.mother_boxed(id, depth - 1).await,
        }
    }

    #[cached(key = "ancestor:<id>", ttl = 300, skip(depth))]
    async fn ancestor(&self, id: u64, depth: u32) -> u64 {
        self.begin().await;
        match depth {
            0 => id,
            _ => self.ancestor_boxed(id, depth - 1).await,
        }
    }

    fn mother_boxed(&self, id: u64, depth: u32) -> Boxed<'_> {
        Box::pin(self.mother(id, depth))
    }

    fn child_boxed(&self, id: u64, depth: u32) -> Boxed<'_> {
        Box::pin(self.child(id, depth))
    }

    fn ancestor_boxed(&self, id: u64, depth: u32) -> Boxed<'_> {
        Box::pin(self.ancestor(id, depth))
    }

    /// Lets others begin their loads too.
    async fn begin(&self) {
        self.loads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }

    fn loads(&self) -> u64 {
        self.loads.load(Ordering::SeqCst)
    }
}

/// How far the clock moves when nothing goes on.
const STEP: Duration = Duration::from_millis(50);

#[tokio::test]
async fn crossed_nested_loads_end() {
    within(Box::pin(async {
        let family = Family::new();
        let both = async { tokio::join!(family.mother(7, 1), family.child(7, 1)) };
        let (both, waited) = end_by_steps(&family.shop, STEP, 60, both).await;
        assert_eq!(both, (7, 7));
        println!("crossed nested loads: {waited:?}, {} loads", family.loads());
        assert!(waited >= STEP, "each did wait for the other");
        let before = family.loads();
        assert_eq!((family.mother(7, 1).await, family.child(7, 1).await), (7, 7));
        assert!(family.loads() <= before + 2);
    }))
    .await;
}

#[tokio::test]
async fn crossed_nested_loads_of_many_callers_end() {
    within(async {
        let family = Family::new();
        let calls: Vec<_> = (0..100)
            .map(|n| {
                let family = family.clone();
                tokio::spawn(async move {
                    if n % 2 == 0 { family.mother(7, 3).await } else { family.child(7, 3).await }
                })
            })
            .collect();
        let (all, waited) =
            end_by_steps(&family.shop, STEP, 600, futures_util::future::join_all(calls)).await;
        assert!(all.into_iter().all(|value| value.expect("it ends") == 7));
        println!("crossed nested loads of 100 callers: {waited:?}, {} loads", family.loads());
    })
    .await;
}

#[tokio::test]
async fn a_cached_method_that_calls_itself_with_the_same_key_ends() {
    within(async {
        let family = Family::new();
        let (value, waited) = end_by_steps(&family.shop, STEP, 60, family.ancestor(7, 1)).await;
        assert_eq!((value, family.loads()), (7, 2));
        println!("recursion of one level: {waited:?}");
        let deep = Family::new();
        let (value, waited) = end_by_steps(&deep.shop, STEP, 60, deep.ancestor(7, 10)).await;
        assert_eq!(value, 7);
        println!("recursion of ten levels: {waited:?}, {} loads", deep.loads());
    })
    .await;
}

#[tokio::test]
async fn a_circle_ends_by_the_clock_of_the_machine_too() {
    let family = Family { cache: KvCacheService::in_memory(), ..Family::new() };
    let limit = Duration::from_secs(60);
    let both = async { tokio::join!(family.mother(7, 1), family.child(7, 1)) };
    assert_eq!(tokio::time::timeout(limit, both).await, Ok((7, 7)));
    assert_eq!(tokio::time::timeout(limit, family.ancestor(7, 3)).await, Ok(7));
}

#[tokio::test]
async fn nested_loads_without_a_circle_wait_for_nothing() {
    let family = Family::new();
    let (value, waited) = end_by_steps(&family.shop, STEP, 1, async {
        let first = family.child(7, 0).await;
        let second = family.mother(7, 1).await;
        (first, second)
    })
    .await;
    assert_eq!((value, waited, family.loads()), ((7, 7), Duration::ZERO, 2));
}
