use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "projects:<org>", ttl = 300)]
    async fn get(&self, org: u64, page: u32) -> String {
        String::new()
    }
}

fn main() {}
