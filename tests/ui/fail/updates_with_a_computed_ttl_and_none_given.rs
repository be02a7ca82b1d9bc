use cache_runtime::{KvCacheService, cached, updates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    fn ttl(&self) -> u64 {
        300
    }

    #[cached(key = "project:<id>", ttl = self.ttl())]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[updates("project:<id>")]
    async fn update(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
