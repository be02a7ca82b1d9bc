use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
    tenant: String,
}

#[caching(ttl = 300, tenant = "self.tenant")]
impl Projects {
    #[cached(key = "<self.tenant>:project:<id>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
