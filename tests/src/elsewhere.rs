//! Keys of another crate, for those who name them by their path.

use std::sync::atomic::{AtomicU64, Ordering};

use cache_runtime::{KvCacheService, cache_key, cached};

/// The stock of an article.
#[cache_key("stock:<id>", ttl = 300)]
pub fn stock_key(id: u64) -> u64;

/// A service that other crates' writes make stale.
pub struct Prices {
    /// Whose keys these are.
    pub cache: KvCacheService,
    /// What every article costs.
    pub price: AtomicU64,
}

impl Prices {
    /// What an article costs.
    #[cached(key = "price:<shop>:<id>", ttl = 300)]
    pub async fn price(&self, shop: &str, id: u64) -> u64 {
        let _ = (shop, id);
        self.price.load(Ordering::SeqCst)
    }
}
