use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
}

#[caching(ttl = 60, skip(contxt))]
impl Projects {
    #[cached(key = "project:<id>", skip(context))]
    async fn get(&self, id: u64, context: &str) -> u64 {
        let _ = context;
        id
    }
}

fn main() {}
