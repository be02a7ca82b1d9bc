use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

trait Source {
    const KIND: &'static str;
    fn name(id: u64) -> String;
}

impl Projects {
    #[cached(key = "name:<id>", ttl = 300)]
    async fn name<S: Source>(&self, id: u64) -> String {
        S::name(id)
    }
}

fn main() {}
