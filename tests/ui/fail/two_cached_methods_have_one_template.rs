use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn name(&self, id: u64) -> String {
        id.to_string()
    }

    #[cached(key = "project:<project_id>", ttl = 60)]
    async fn size(&self, project_id: u64) -> u64 {
        project_id
    }
}

fn main() {}
