use cache_runtime::{KvCacheService, cached};

trait Source {
    const NAME: &'static str;
    type Error;
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "name:<id>", ttl = 300)]
    async fn name<S: Source>(&self, id: u64) -> Result<String, S::Error> {
        Ok(format!("{} {id}", S::NAME))
    }
}

fn main() {}
