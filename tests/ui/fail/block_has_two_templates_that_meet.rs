use cache_runtime::{KvCacheService, cached, caching};

struct Projects {
    cache: KvCacheService,
    tenant: String,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "<kind>:<id>")]
    async fn any(&self, kind: &str, id: u64) -> u64 {
        id + kind.len() as u64
    }

    #[cached(key = "project:<name>")]
    async fn by_name(&self, name: String) -> String {
        name
    }
}

fn main() {}
