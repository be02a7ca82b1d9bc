use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "member:<org>-<id>", ttl = 300)]
    async fn get(&self, org: &str, id: &str) -> String {
        let _ = (org, id);
        String::new()
    }
}

fn main() {}
