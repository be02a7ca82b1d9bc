use cache_runtime::{KvCacheService, caching};

struct Projects {
    cache: KvCacheService,
}

#[caching(ttl = 60)]
impl Projects {
    #[cfg_attr(not(test), cache_runtime::cached(key = "project:<id>"))]
    async fn get(&self, id: u64) -> u64 {
        let _ = &self.cache;
        id
    }
}

fn main() {}
