use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "page:<id>", ttl = 300)]
    async fn page<const SIZE: usize>(&self, id: u64) -> Vec<u64> {
        vec![id; SIZE]
    }
}

fn main() {}
