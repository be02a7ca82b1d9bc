use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
}

trait Read {
    async fn get(&self, id: u64) -> u64;
}

trait Peek {
    async fn get(&self, id: u64) -> u64;
}

#[caching(ttl = 300)]
impl Read for Projects {
    #[cached(key = "read:<id>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

#[caching(ttl = 300)]
impl Peek for Projects {
    #[cached(key = "peek:<id>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
