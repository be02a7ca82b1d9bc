use cache_runtime::{KvCacheService, cached, caching};

trait Projects {
    async fn get(&self, id: u64) -> u64;
}

#[caching(cache = shared(), ttl = 300)]
impl Projects for String {
    #[cached(key = "project:<id>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn shared() -> &'static KvCacheService {
    todo!()
}

fn main() {}
