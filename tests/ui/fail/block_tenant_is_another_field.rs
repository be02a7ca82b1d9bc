use cache_runtime::{KvCacheService, cache_key, cached, caching};

#[cache_key("project:<tenant>:<id>", ttl = 60)]
fn project_key(tenant: u64, id: u64) -> u64;

struct Projects {
    cache: KvCacheService,
    tenant: u64,
    tenant_id: u64,
}

#[caching(tenant = self.tenant)]
impl Projects {
    #[cached(project_key(self.tenant_id, id))]
    async fn get(&self, id: u64) -> u64 {
        id + self.tenant + self.tenant_id
    }
}

fn main() {}
