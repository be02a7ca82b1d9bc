#![deny(warnings)]

use cache_runtime::{KvCacheService, cache_key, cached, invalidates};

fn shared() -> &'static KvCacheService {
    static SHARED: std::sync::OnceLock<KvCacheService> = std::sync::OnceLock::new();
    SHARED.get_or_init(KvCacheService::in_memory)
}

#[cache_key("title:<page>", ttl = 60)]
pub fn title_key(page: u64) -> String;

#[cached(key = "free:<id>", ttl = 300, cache = shared())]
pub async fn free(id: u64) -> u64 {
    id
}

#[cached(key = "given:<id>", ttl = 300, cache = cache)]
pub async fn given(cache: &KvCacheService, id: u64) -> u64 {
    let _ = cache;
    id
}

#[invalidates(free_key(id), given_key(id), title_key(id), cache = shared())]
pub async fn update(id: u64) {
    let _ = id;
}

pub struct Projects;

impl Projects {
    #[cached(key = "associated:<id>", ttl = 300, cache = shared())]
    pub async fn get(id: u64) -> u64 {
        id
    }

    #[invalidates("associated:<id>", cache = shared())]
    pub async fn update(&self, id: u64) {
        let _ = id;
    }
}

pub fn main() {}
