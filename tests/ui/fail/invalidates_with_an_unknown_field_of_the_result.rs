use cache_runtime::{KvCacheService, cached, invalidates};

struct Project {
    id: u64,
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("project:<ret.idd>")]
    async fn update(&self, id: u64) -> Result<Project, String> {
        Ok(Project { id })
    }
}

fn main() {}
