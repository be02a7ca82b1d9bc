use cache_runtime::{KvCacheService, cached};

const PROJECT_KEY: &str = "project:<id>";

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = PROJECT_KEY, ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
