use cache_runtime::{KvCacheService, cached, caching};

trait Source: Send + Sync {
    const NAME: &'static str;
}

trait Load<S> {
    async fn load(&self, id: u64) -> String;
}

struct Projects {
    cache: KvCacheService,
}

#[caching(ttl = 300)]
impl<S: Source> Load<S> for Projects {
    #[cached(key = "name:<id>")]
    async fn load(&self, id: u64) -> String {
        format!("{} {id}", S::NAME)
    }
}

fn main() {}
