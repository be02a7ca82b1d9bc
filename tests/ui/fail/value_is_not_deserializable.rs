use cache_runtime::{KvCacheService, cached};

#[derive(Clone, serde::Serialize)]
struct Project {
    id: u64,
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> Project {
        Project { id }
    }
}

fn main() {}
