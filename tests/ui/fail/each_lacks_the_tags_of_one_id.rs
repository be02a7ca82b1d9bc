use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, tags = ["all:<id>"])]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "project:<id>", each(id in ids))]
    async fn get_many(&self, ids: &[u64]) -> std::collections::HashMap<u64, u64> {
        ids.iter().map(|id| (*id, *id)).collect()
    }
}

fn main() {}
