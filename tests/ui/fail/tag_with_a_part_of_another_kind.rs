use cache_runtime::{KvCacheService, cached, invalidates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<org_id>", ttl = 300, tags = ["org:<org_id>"])]
    async fn get(&self, org_id: &str) -> u64 {
        org_id.len() as u64
    }

    #[invalidates(tags = ["org:<org_id>"])]
    async fn change(&self, org_id: u64) {
        let _ = org_id;
    }
}

fn main() {}
