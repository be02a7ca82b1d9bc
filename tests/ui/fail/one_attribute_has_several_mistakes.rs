use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<idd>", ttl = 0, none_ttl = 5, skip(limit), vallue = u64)]
    async fn get(&self, id: u64, page: u32) -> u64 {
        id + u64::from(page)
    }

    async fn sum(&self) -> u64 {
        self.get(1, 2).await + self.get(3, 4).await
    }
}

fn main() {}
