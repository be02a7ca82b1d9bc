use std::time::Duration;

use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 5 * 0)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "name:<id>", ttl = Duration::ZERO)]
    async fn name(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
