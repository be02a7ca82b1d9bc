use cache_runtime::{KvCacheService, cached};

#[derive(Clone)]
struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, stale_while_revalidate = 60, skip(name))]
    async fn get(&self, id: u64, name: Option<&str>) -> Result<u64, String> {
        let _ = name;
        Ok(id)
    }
}

fn main() {}
