use cache_runtime::{KvCacheService, cached, invalidates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("project:<id>", sync = true)]
    async fn update(&self, id: u64) -> Result<(), String> {
        let _ = id;
        Ok(())
    }
}

fn main() {}
