use cache_runtime::{KvCacheService, caching};

#[caching(ttl = 300)]
struct Projects {
    cache: KvCacheService,
}

fn main() {
    let _ = Projects { cache: KvCacheService::in_memory() };
}
