use cache_runtime::{KvCacheService, invalidates};

fn format_key(id: u64) -> String {
    format!("project:{id}")
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[invalidates(format_key(id))]
    async fn update(&self, id: u64) {
        let _ = id;
    }
}

fn main() {}
