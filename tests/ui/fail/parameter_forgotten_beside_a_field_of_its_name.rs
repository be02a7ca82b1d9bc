use cache_runtime::{KvCacheService, cache_key, cached};

#[cache_key("page:<page>:<id>", ttl = 60)]
fn page_key(page: u64, id: u64) -> u64;

struct Pages {
    cache: KvCacheService,
    page: u64,
}

impl Pages {
    #[cached(page_key(self.page, id))]
    async fn get(&self, id: u64, page: u64) -> u64 {
        id + page + self.page
    }
}

fn main() {}
