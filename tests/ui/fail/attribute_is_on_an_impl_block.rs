use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

#[cached(key = "project:<id>", ttl = 300)]
impl Projects {
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    let projects = Projects { cache: KvCacheService::in_memory() };
    drop(projects.get(1));
}
