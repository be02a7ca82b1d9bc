use cache_runtime::{KvCacheService, cached, invalidates};

struct Project {
    slug: String,
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("project:<ret.slug>")]
    async fn update(&self, id: u64) -> Project {
        Project { slug: id.to_string() }
    }
}

fn main() {}
