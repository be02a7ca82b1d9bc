use cache_runtime::{KvCacheService, cached};

fn cache() -> KvCacheService {
    KvCacheService::in_memory()
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<self.tenant>:<id>", ttl = 300, cache = cache())]
    async fn get(id: u64) -> String {
        id.to_string()
    }
}

fn main() {}
