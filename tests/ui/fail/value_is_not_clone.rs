use cache_runtime::{KvCacheService, cached};

#[derive(serde::Serialize, serde::Deserialize)]
struct Project {
    id: u64,
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> Result<Option<Project>, String> {
        Ok(Some(Project { id }))
    }
}

fn main() {}
