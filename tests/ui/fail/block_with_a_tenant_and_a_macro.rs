use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
    tenant: u64,
}

macro_rules! getter {
    ($name:ident, $key:literal) => {
        #[cached(key = $key, ttl = 60)]
        async fn $name(&self, id: u64) -> u64 {
            id + self.tenant
        }
    };
}

#[caching(tenant = self.tenant)]
impl Projects {
    getter!(get, "project:<id>");
}

fn main() {}
