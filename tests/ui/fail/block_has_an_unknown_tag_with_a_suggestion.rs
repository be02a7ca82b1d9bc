use cache_runtime::{KvCacheService, cached, caching, invalidates};

struct Projects {
    cache: KvCacheService,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "project:<org_id>", tags = ["org:<org_id>"])]
    async fn get(&self, org_id: u64) -> u64 {
        org_id
    }

    #[invalidates(tags = ["orgs:<org_id>"])]
    async fn change(&self, org_id: u64) {
        let _ = org_id;
    }
}

fn main() {}
