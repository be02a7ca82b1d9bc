use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, skip(page, page))]
    async fn get(&self, id: u64, page: u64) -> u64 {
        id + page
    }
}

fn main() {}
