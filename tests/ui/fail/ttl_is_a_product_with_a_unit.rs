use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 2 * 1h)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
