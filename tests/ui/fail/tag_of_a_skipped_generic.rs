use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "page:<id>", tags = ["size:<N>"], skip(N))]
    async fn page<const N: u64>(&self, id: u64) -> u64 {
        N + id
    }
}

fn main() {}
