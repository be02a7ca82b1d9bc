//! A service that caches one number in many ways, over memory or over a backend with faults.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cache_runtime::testing::ManualClock;
use cache_runtime::{KvCacheService, LocalKvNamespace, Value, cached, invalidates, updates};
use tokio::sync::Notify;

use crate::backend::Faulty;

/// A source of one number, and methods that cache it in as many ways.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) cache: KvCacheService,
    pub(crate) source: Arc<AtomicU64>,
    pub(crate) loads: Arc<AtomicU64>,
    /// Whether a load waits, after it has read the source, until it is let go.
    pub(crate) slow: Arc<AtomicBool>,
    pub(crate) gate: Arc<Notify>,
    pub(crate) tenant: &'static str,
}

pub(crate) fn shop_on(cache: KvCacheService) -> Shop {
    Shop {
        cache,
        source: Arc::new(AtomicU64::new(1)),
        loads: Arc::default(),
        slow: Arc::default(),
        gate: Arc::default(),
        tenant: "acme",
    }
}

pub(crate) fn shop() -> Shop {
    shop_on(KvCacheService::in_memory())
}

/// A shop whose backend can be told to fail, and that backend.
pub(crate) fn faulty_shop() -> (Shop, Faulty, ManualClock) {
    let time = ManualClock::new();
    let faulty = Faulty::new(LocalKvNamespace::builder().clock(time.clock()).build());
    let cache = KvCacheService::builder(Arc::new(faulty.clone())).clock(time.clock()).build();
    (shop_on(cache.expect("a valid prefix")), faulty, time)
}

impl Shop {
    pub(crate) async fn load(&self) -> u64 {
        let read = self.source.load(Ordering::Relaxed);
        self.loads.fetch_add(1, Ordering::Relaxed);
        if self.slow.load(Ordering::Relaxed) {
            self.gate.notified().await;
        }
        read
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    #[cached(key = "price:<id>", ttl = 300)]
    pub(crate) async fn price(&self, id: u64) -> Result<u64, String> {
        let _ = id;
        Ok(self.load().await)
    }

    #[invalidates("price:<id>")]
    pub(crate) async fn write(&self, id: u64, price: u64) -> Result<(), String> {
        let _ = id;
        self.source.store(price, Ordering::Relaxed);
        Ok(())
    }

    #[updates("price:<id>")]
    pub(crate) async fn rewrite(&self, id: u64, price: u64) -> Result<u64, String> {
        let _ = id;
        self.source.store(price, Ordering::Relaxed);
        Ok(price)
    }

    #[cached(key = "tenant:<id>", ttl = 300)]
    pub(crate) async fn of_instance(&self, id: u64) -> String {
        format!("{id} of {}", self.tenant)
    }

    #[cached(key = "of:<self.tenant>:<id>", ttl = 300)]
    pub(crate) async fn of_tenant(&self, id: u64) -> String {
        format!("{id} of {}", self.tenant)
    }

    #[cached(key = "pair:<left>:<right>", ttl = 300)]
    pub(crate) async fn pair(&self, left: &str, right: &str) -> String {
        format!("{left} {right}")
    }

    #[cached(key = "item:<id>", ttl = 300)]
    pub(crate) async fn item(&self, id: &str) -> String {
        self.load().await;
        id.to_owned()
    }

    #[invalidates("item:<id>")]
    pub(crate) async fn forget_item(&self, id: &str) {
        let _ = id;
    }

    #[cached(key = "alias:<id>", ttl = 300, value = u64)]
    pub(crate) async fn behind_an_alias(&self, id: u64) -> Aliased<u64> {
        let _ = id;
        self.load().await;
        Err(Failure)
    }

    #[cached(key = "generic:<id>", ttl = 300, skip(result))]
    pub(crate) async fn generic<R: Value>(&self, id: u64, result: R) -> R {
        let _ = id;
        self.load().await;
        result
    }

    #[cached(key = "early:<id>", ttl = 300)]
    pub(crate) async fn early(&self, id: u64) -> Result<u64, String> {
        let price = self.load().await;
        if id > 10 {
            return Ok(price);
        }
        Err("too small".to_owned())?;
        Ok(price)
    }

    #[invalidates("early:<id>")]
    pub(crate) async fn write_and_leave_early(&self, id: u64, price: u64) -> Result<(), String> {
        if id > 10 {
            self.source.store(price, Ordering::Relaxed);
            return Ok(());
        }
        Err("too small".to_owned())
    }

    #[updates("early:<id>")]
    pub(crate) async fn rewrite_and_leave_early(&self, id: u64, price: u64) -> Result<u64, String> {
        if id > 10 {
            return Ok(price);
        }
        Err("too small".to_owned())
    }

    #[cached(key = "maybe:<id>", ttl = 300, none_ttl = 300)]
    pub(crate) async fn maybe(&self, id: u64) -> Option<u64> {
        self.load().await;
        (id > 10).then_some(id)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Failure;

pub(crate) type Aliased<T> = Result<T, Failure>;
