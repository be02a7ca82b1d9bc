use cache_runtime::{KvCacheService, cached};

#[derive(Clone)]
struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, stale_while_revalidate = 60, skip(log))]
    async fn get(&self, id: u64, log: &mut Vec<u64>) -> Result<u64, String> {
        log.push(id);
        Ok(id)
    }
}

fn main() {}
