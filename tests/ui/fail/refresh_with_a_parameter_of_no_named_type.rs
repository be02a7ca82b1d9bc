use cache_runtime::{KvCacheService, cached};

#[derive(Clone)]
struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, stale_while_revalidate = 60, skip(other))]
    async fn get(&self, id: u64, other: impl Clone + Send) -> Result<u64, String> {
        let _ = other;
        Ok(id)
    }
}

fn main() {}
