use cache_runtime::{KvCacheService, cached, updates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, tags = ["all:<id>"])]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[updates("project:<id>")]
    async fn put(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
