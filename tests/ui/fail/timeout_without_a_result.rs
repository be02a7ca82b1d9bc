use cache_runtime::{KvCacheService, cached};

#[derive(Clone)]
struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, timeout = "2s")]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
