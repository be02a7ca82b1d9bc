use cache_runtime::{KvCacheService, cache_key, cached};

#[cache_key("project:<id>", ttl = 60)]
fn project_key(id: u64) -> String;

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(project_key(id))]
    async fn get(&self, id: u64) -> Option<u64> {
        Some(id)
    }
}

fn main() {}
