use cache_runtime::{KvCacheService, cached, caching, invalidates, updates};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, ttl_jitter = 500)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("project:<id>")]
    async fn delete(&self, id: u64) -> u64 {
        id
    }

    #[updates("project:<id>")]
    async fn set(&self, id: u64) -> u64 {
        id
    }
}

struct Orgs {
    cache: KvCacheService,
}

#[caching]
impl Orgs {
    #[cached(key = "org:<id>", ttl = 300, ttl_jitter = 500)]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("org:<id>")]
    async fn delete(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    let _ = (Projects::get_key(7), Orgs::get_key(7));
}
