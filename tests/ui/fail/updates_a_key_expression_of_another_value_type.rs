use cache_runtime::{KvCacheService, cache_key, updates};

#[cache_key("project:<id>", ttl = 60)]
fn project_key(id: u64) -> String;

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[updates(project_key(id))]
    async fn update(&self, id: u64) -> Option<u64> {
        Some(id)
    }
}

fn main() {}
