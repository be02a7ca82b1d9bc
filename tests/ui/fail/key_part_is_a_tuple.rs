use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "projects:<range>", ttl = 300)]
    async fn get(&self, range: (u32, u32)) -> String {
        let _ = range;
        String::new()
    }
}

fn main() {}
