use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    const SIZE: usize = 10;

    #[cached(key = "page:<Self::SIZE>:<id>", ttl = 300)]
    async fn page<const SIZE: usize>(&self, id: u64) -> usize {
        SIZE + id as usize
    }
}

fn main() {}
