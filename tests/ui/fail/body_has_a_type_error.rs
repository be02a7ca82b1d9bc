use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        if id == 0 {
            return "none";
        }
        id.to_string()
    }

    async fn sum(&self) -> u64 {
        self.get(1).await
    }
}

fn main() {}
