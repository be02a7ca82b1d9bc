use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<org_id>", ttl = 300, tags = ["org:<org_id>"])]
    async fn get(&self, org_id: u64) -> u64 {
        org_id
    }

    #[cached(key = "members:<org_id>", ttl = 300, tags = ["org:<org_id>"])]
    async fn members(&self, org_id: u64) -> u64 {
        org_id
    }
}

fn main() {}
