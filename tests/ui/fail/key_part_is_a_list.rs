use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "projects:<ids>", ttl = 300)]
    async fn get(&self, ids: Vec<u64>) -> String {
        let _ = ids;
        String::new()
    }
}

fn main() {}
