use cache_runtime::{KvCacheService, cached, invalidates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<org_id>", ttl = 300, tags = ["org:<org_id>"])]
    async fn get(&self, org_id: u64) -> u64 {
        org_id
    }

    #[invalidates(tags = ["org:<ret>"], when = "always")]
    async fn change(&self) -> Result<u64, String> {
        Ok(1)
    }
}

fn main() {}
