use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = "5 weeks")]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
