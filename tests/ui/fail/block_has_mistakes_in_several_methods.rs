use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
    tenant: String,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "project:<idd>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "projects:<org>")]
    async fn list(&self, org: u64, page: u64) -> Vec<u64> {
        vec![self.get(org).await, page]
    }

    fn sum(&self) -> usize {
        self.tenant.len()
    }
}

fn main() {}
