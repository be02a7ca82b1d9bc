use cache_runtime::{KvCacheService, cached, invalidates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<org_id>:<id>", ttl = 300, tags = ["org:<org_id>"])]
    async fn get(&self, org_id: u64, id: u64) -> u64 {
        org_id + id
    }

    #[invalidates(tags = ["orgg:<org_id>"])]
    async fn change(&self, org_id: u64) {
        let _ = org_id;
    }
}

fn main() {}
