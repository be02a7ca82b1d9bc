use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "<org><id>", ttl = 300)]
    async fn get(&self, org: u64, id: u64) -> String {
        let _ = (org, id);
        String::new()
    }
}

fn main() {}
