use cache_runtime::{KvCacheService, cached};

#[derive(Clone)]
struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, ttl_from = |id: &u64| *id)]
    async fn get(&self, id: u64) -> Result<u64, String> {
        Ok(id)
    }
}

fn main() {}
