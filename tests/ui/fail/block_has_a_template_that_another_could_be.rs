use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
    tenant: String,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "project:<slug>")]
    async fn by_slug(&self, slug: &str) -> u64 {
        slug.len() as u64
    }

    #[cached(key = "project:list")]
    async fn list(&self) -> Vec<u64> {
        Vec::new()
    }
}

fn main() {}
