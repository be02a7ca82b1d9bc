use cache_runtime::{KvCacheService, cached, invalidates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "a:<id>", ttl = 300, tags = "org:<id>")]
    async fn text(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "b:<id>", ttl = 300, tags = [])]
    async fn empty(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "c:<id>", ttl = 300, tags = [format!("org:{id}")])]
    async fn formatted(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(tags)]
    async fn valueless(&self, id: u64) {
        let _ = id;
    }
}

fn main() {}
