use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "<Projects::TRIB>:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> String {
        let _ = id;
        String::new()
    }
}

fn main() {}
