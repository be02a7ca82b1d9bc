use std::sync::Arc;
use std::time::Duration;

use cache_runtime::testing::{EdgeNetwork, ManualClock};
use cache_runtime::{KvCacheService, cached, invalidates};

/// A shop at one location.
struct Shop {
    cache: KvCacheService,
    prices: Arc<std::sync::Mutex<u64>>,
}

impl Shop {
    #[cached(key = "price:<item>", ttl = 300)]
    async fn price(&self, item: u64) -> u64 {
        let _ = item;
        *self.prices.lock().unwrap()
    }

    #[invalidates("price:<item>")]
    async fn set_price(&self, item: u64, price: u64) {
        let _ = item;
        *self.prices.lock().unwrap() = price;
    }
}

#[tokio::test]
async fn a_new_price_is_known_everywhere_after_a_minute() {
    let time = ManualClock::new();
    let network = EdgeNetwork::builder().clock(time.clock()).build();
    let prices = Arc::default();
    let at = |location| {
        let cache = KvCacheService::builder(Arc::new(network.location(location))).clock(time.clock());
        Shop { cache: cache.build().unwrap(), prices: Arc::clone(&prices) }
    };
    let (oslo, lima) = (at("Oslo"), at("Lima"));
    oslo.set_price(7, 20).await;
    // A key takes one write a second: what is loaded sooner is not stored.
    time.advance(Duration::from_secs(1));
    assert_eq!(lima.price(7).await, 20);
    time.advance(Duration::from_secs(60));
    oslo.set_price(7, 25).await;
    assert_eq!(oslo.price(7).await, 25);
    // Lima has its own price still, and may show it for the window.
    time.advance(Duration::from_millis(59_999));
    assert_eq!(lima.price(7).await, 20);
    time.advance(Duration::from_millis(1));
    assert_eq!(lima.price(7).await, 25);
}
