use cache_runtime::{KvCacheService, cached};

type AppResult<T> = Result<Option<T>, String>;

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, none_ttl = 5)]
    async fn get(&self, id: u64) -> AppResult<u64> {
        Ok(Some(id))
    }
}

fn main() {}
