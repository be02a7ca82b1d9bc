use cache_runtime::{KvCacheService, cached, updates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[updates("project:<id>")]
    async fn update(&self, id: u64) -> Result<String, String> {
        Ok(id.to_string())
    }
}

fn main() {}
