use cache_runtime::{KvCacheService, cache_key, cached, caching};

#[cache_key("project:<id>", ttl = 60)]
fn project_key(id: u64) -> u64;

struct Projects {
    cache: KvCacheService,
    tenant: String,
}

#[caching(tenant = self.tenant)]
impl Projects {
    #[cached(project_key(id))]
    async fn get(&self, id: u64) -> u64 {
        id + self.tenant.len() as u64
    }
}

fn main() {}
