use cache_runtime::{KvCacheService, cached, invalidates};

const V1: u32 = 1;
const V2: u32 = 2;

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "list:<V2>", ttl = 300)]
    async fn list(&self) -> Vec<u64> {
        Vec::new()
    }

    #[invalidates("list:<V1>")]
    async fn add(&self, id: u64) {
        let _ = (id, V1);
    }
}

fn main() {}
