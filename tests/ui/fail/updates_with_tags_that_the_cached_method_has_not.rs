use cache_runtime::{KvCacheService, cached, updates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "title:<id>", ttl = 300, tags = ["all:<id>"])]
    async fn title(&self, id: u64) -> u64 {
        id
    }

    #[updates("project:<id>", tags = ["all:<id>"])]
    async fn put(&self, id: u64) -> u64 {
        id
    }

    #[updates("title:<id>", tags = ["al:<id>"])]
    async fn put_title(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
