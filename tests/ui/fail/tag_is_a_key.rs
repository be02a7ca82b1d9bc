use cache_runtime::{KvCacheService, cache_key, cached, invalidates};

struct Projects {
    cache: KvCacheService,
}

#[cache_key("project:<id>", ttl = 300)]
fn project_key(id: u64) -> u64;

impl Projects {
    #[cached(project_key(id), tags = [project_key(id)])]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(tags = [project_key(id)])]
    async fn change(&self, id: u64) {
        let _ = id;
    }
}

fn main() {}
