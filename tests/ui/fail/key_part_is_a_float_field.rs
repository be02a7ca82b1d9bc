use cache_runtime::{KvCacheService, cached};

struct Price {
    amount: f64,
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "price:<price.amount>", ttl = 300)]
    async fn get(&self, price: Price) -> String {
        let _ = price;
        String::new()
    }
}

fn main() {}
