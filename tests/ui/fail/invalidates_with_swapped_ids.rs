use cache_runtime::{KvCacheService, cached, invalidates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "member:<user>:<org>", ttl = 300)]
    async fn member(&self, user: u64, org: u64) -> bool {
        user == org
    }

    #[invalidates("member:<org>:<user>")]
    async fn leave(&self, org: u64, user: u64) {
        let _ = (org, user);
    }
}

fn main() {}
