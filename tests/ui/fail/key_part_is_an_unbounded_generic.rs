use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get<T: Send + Sync>(&self, id: T) -> String {
        drop(id);
        String::new()
    }
}

fn main() {}
