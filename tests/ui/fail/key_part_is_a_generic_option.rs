use cache_runtime::{KvCacheService, KeyPart, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get<T: KeyPart + Send + Sync>(&self, id: Option<T>) -> String {
        drop(id);
        String::new()
    }
}

fn main() {}
