use cache_runtime::{KvCacheService, cached};

fn format_key(id: u64) -> String {
    format!("project:{id}")
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(format_key(id), ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
