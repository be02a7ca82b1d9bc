use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "project:<id>")]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "name:<id>")]
    async fn name(&self, id: ) -> u64 {
        id
    }

    #[cached(key = "owner:<id>")]
    async fn owner(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    let _ = (Projects::get_key(7), Projects::owner_key(7));
}
