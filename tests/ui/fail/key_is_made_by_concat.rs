use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = concat!("project:", "<id>"), ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = &format!("name:{id}"), ttl = 300)]
    async fn name(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
