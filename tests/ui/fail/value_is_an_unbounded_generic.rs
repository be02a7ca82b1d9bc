use cache_runtime::{KvCacheService, cached};

struct Projects<V> {
    cache: KvCacheService,
    last: Option<V>,
}

impl<V: Clone> Projects<V> {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> Option<V> {
        self.last.clone().filter(|_| id == 0)
    }
}

fn main() {}
