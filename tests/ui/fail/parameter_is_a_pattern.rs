use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "member", ttl = 300)]
    async fn get(&self, (org, id): (u64, u64)) -> String {
        let _ = (org, id);
        String::new()
    }
}

fn main() {}
