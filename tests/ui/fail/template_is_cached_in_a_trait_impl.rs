use cache_runtime::{KvCacheService, cached};

trait Projects {
    async fn get(&self, id: u64) -> u64;
}

struct Database {
    cache: KvCacheService,
}

impl Projects for Database {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
