use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "projects:<type>", ttl = 300)]
    async fn of(&self, r#type: u64) -> u64 {
        r#type
    }
}

fn main() {}
