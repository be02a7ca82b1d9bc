use cache_runtime::{KvCacheService, cached, caching, invalidates};

struct Projects {
    cache: KvCacheService,
    tenant: String,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "project:<id>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("projct:<id>")]
    async fn update(&self, id: u64) {
        let _ = id;
    }
}

fn main() {}
