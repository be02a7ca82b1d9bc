use cache_runtime::{KeyPart, KvCacheService, cached, invalidates};

#[derive(KeyPart)]
struct UserId(u64);

#[derive(KeyPart)]
struct TeamId(u64);

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "user:<id>", ttl = 300)]
    async fn get(&self, id: UserId) -> u64 {
        id.0
    }

    #[invalidates("user:<id>")]
    async fn update(&self, id: TeamId) {
        let _ = id;
    }
}

fn main() {}
