use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
    tenant: String,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "project:<id>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "project:<project_id>")]
    async fn name(&self, project_id: u64) -> String {
        project_id.to_string()
    }
}

fn main() {}
