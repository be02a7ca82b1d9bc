use cache_runtime::{KvCacheService, cached};

type Maybe<T> = Option<T>;

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> Maybe<u64> {
        Some(id)
    }
}

fn main() {}
