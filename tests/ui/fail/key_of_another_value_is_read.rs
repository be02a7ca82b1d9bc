use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    async fn peek(&self) -> Option<String> {
        self.cache.get::<String>(Self::get_key(7)).await.ok().flatten()
    }
}

fn main() {}
