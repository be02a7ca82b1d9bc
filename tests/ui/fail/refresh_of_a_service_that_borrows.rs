use cache_runtime::{KvCacheService, cached};

#[derive(Clone)]
struct Projects<'a> {
    cache: KvCacheService,
    _name: &'a str,
}

impl<'a> Projects<'a> {
    #[cached(key = "project:<id>", ttl = 300, stale_while_revalidate = 60)]
    async fn get(&self, id: u64) -> Result<u64, String> {
        Ok(id)
    }
}

fn main() {}
