use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl)]
    async fn get(&self, id: u64) -> Option<u64> {
        Some(id)
    }
}

fn main() {}
