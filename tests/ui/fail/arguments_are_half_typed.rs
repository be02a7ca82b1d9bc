use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", tt)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    async fn sum(&self) -> u64 {
        self.get(1).await
    }
}

fn main() {}
