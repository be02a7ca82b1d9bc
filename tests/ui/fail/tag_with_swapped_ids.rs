use cache_runtime::{KvCacheService, cached, invalidates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "member:<org>:<user>", ttl = 300, tags = ["team:<org>:<user>"])]
    async fn get(&self, org: u64, user: u64) -> u64 {
        org + user
    }

    #[invalidates(tags = ["team:<user>:<org>"])]
    async fn change(&self, org: u64, user: u64) {
        let _ = (org, user);
    }
}

fn main() {}
