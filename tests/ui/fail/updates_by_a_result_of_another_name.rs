use cache_runtime::{KvCacheService, cached, updates};

type Outcome<T> = Result<T, String>;

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[updates("project:<id>")]
    async fn update(&self, id: u64) -> Outcome<u64> {
        Ok(id)
    }
}

fn main() {}
