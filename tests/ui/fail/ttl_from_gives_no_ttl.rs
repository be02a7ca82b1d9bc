use cache_runtime::{KvCacheService, cached};

#[derive(Clone)]
struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl_from = |_: &u64| "5m")]
    async fn get(&self, id: u64) -> Result<u64, String> {
        Ok(id)
    }
}

fn main() {}
