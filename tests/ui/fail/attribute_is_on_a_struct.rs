use cache_runtime::{KvCacheService, cached};

#[cached(key = "project:<id>", ttl = 300)]
struct Projects {
    cache: KvCacheService,
}

fn main() {
    let _ = Projects { cache: KvCacheService::in_memory() };
}
