use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    fn get(&self, id: u64) -> impl Future<Output = u64> {
        async move { id }
    }
}

fn main() {}
