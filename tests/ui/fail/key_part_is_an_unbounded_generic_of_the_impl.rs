use cache_runtime::{KvCacheService, cached};

struct Projects<K> {
    cache: KvCacheService,
    keys: Vec<K>,
}

impl<K: Send + Sync> Projects<K> {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: K) -> String {
        drop(id);
        String::new()
    }
}

fn main() {}
