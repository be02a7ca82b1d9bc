use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<name>", ttl = 300)]
    async fn get(&self, name: String) -> String {
        drop(name);
        name
    }
}

fn main() {}
