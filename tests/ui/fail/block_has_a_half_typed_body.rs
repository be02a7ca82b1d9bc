use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
    tenant: String,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "project:<id>")]
    async fn get(&self, id: u64) -> u64 {
        self.tenant.
    }

    fn sum(&self) -> usize {
        self.tenant.len()
    }
}

fn main() {}
