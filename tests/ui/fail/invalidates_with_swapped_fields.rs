use cache_runtime::{KvCacheService, cached, invalidates};

struct Row {
    id: u64,
}

struct Members {
    cache: KvCacheService,
}

impl Members {
    #[cached(key = "member:<user.id>:<org.id>", ttl = 60)]
    async fn get(&self, user: &Row, org: &Row) -> u64 {
        user.id + org.id
    }

    #[invalidates("member:<org.id>:<user.id>")]
    async fn remove(&self, user: &Row, org: &Row) {
        let _ = (user, org);
    }
}

fn main() {}
