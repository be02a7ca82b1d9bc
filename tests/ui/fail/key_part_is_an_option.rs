use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "projects:<org>", ttl = 300)]
    async fn get(&self, org: Option<u64>) -> String {
        let _ = org;
        String::new()
    }
}

fn main() {}
