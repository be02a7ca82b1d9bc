use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", key = "p:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> Option<u64> {
        Some(id)
    }
}

fn main() {}
