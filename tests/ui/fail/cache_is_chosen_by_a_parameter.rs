use cache_runtime::{KvCacheService, cached};

struct Projects {
    caches: Vec<KvCacheService>,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, cache = self.caches[org % self.caches.len()])]
    async fn get(&self, org: usize, id: u64) -> String {
        format!("{org} {id}")
    }
}

fn main() {}
