use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<org_id>:<id>", ttl = 300, tags = ["org:<ogr_id>", "all<"])]
    async fn get(&self, org_id: u64, id: u64) -> u64 {
        org_id + id
    }
}

fn main() {}
