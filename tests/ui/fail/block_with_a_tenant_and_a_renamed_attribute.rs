use cache_runtime::{KvCacheService, cached as remembered, caching};

struct Projects {
    cache: KvCacheService,
    tenant: u64,
}

#[caching(tenant = self.tenant)]
impl Projects {
    #[remembered(key = "project:<id>", ttl = 60)]
    async fn get(&self, id: u64) -> u64 {
        id + self.tenant
    }
}

fn main() {}
