use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "projects:<org>", ttl = 300)]
    async fn get(&self, org: u64, page: u32, limit: u32) -> String {
        let _ = (org, page, limit);
        String::new()
    }
}

fn main() {}
