use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

trait Kind {
    const KIND: &'static str;
}

impl Projects {
    #[cached(key = "<E>:<id>", ttl = 300)]
    async fn count<E: Kind>(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
