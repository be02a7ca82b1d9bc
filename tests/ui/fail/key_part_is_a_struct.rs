use cache_runtime::{KvCacheService, cached};

struct Project {
    id: u64,
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<project>", ttl = 300)]
    async fn get(&self, project: &Project) -> String {
        let _ = project;
        String::new()
    }
}

fn main() {}
