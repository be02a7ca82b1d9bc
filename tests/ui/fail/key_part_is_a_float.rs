use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "price:<amount>", ttl = 300)]
    async fn get(&self, amount: f64) -> String {
        let _ = amount;
        String::new()
    }
}

fn main() {}
