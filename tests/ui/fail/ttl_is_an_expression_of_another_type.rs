use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    fn ttl(&self) -> String {
        "5m".to_owned()
    }

    #[cached(key = "project:<id>", ttl = self.ttl())]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
