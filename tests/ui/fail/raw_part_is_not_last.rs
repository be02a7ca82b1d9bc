use cache_runtime::{KvCacheService, RawPart, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "file:<path>:<version>", ttl = 300)]
    async fn get(&self, path: RawPart<&str>, version: u32) -> String {
        let _ = (path, version);
        String::new()
    }
}

fn main() {}
