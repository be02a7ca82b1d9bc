use cache_runtime::{KvCacheService, cached, caching};

trait HasCache {
    fn cache(&self) -> &KvCacheService;
}

trait Projects {
    async fn get(&self, id: u64) -> u64;
}

#[caching(cache = self.cache(), ttl = 300)]
impl<T: HasCache> Projects for T {
    #[cached(key = "project:<id>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
