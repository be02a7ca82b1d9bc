#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cfg(any())]
    #[cached(key = "project:<id>", ttl = 300)]
    pub async fn get(&self, id: u64) -> u64 {
        id + 1
    }

    #[cfg(not(any()))]
    #[cached(key = "project:<id>", ttl = 300)]
    pub async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "name:<id>", ttl = 300)]
    #[cfg(any())]
    pub async fn name(&self, id: u64) -> Missing {
        id
    }

    #[cached(key = "name:<id>", ttl = 300)]
    #[cfg(not(any()))]
    pub async fn name(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("project:<id>", "name:<id>")]
    pub async fn update(&self, id: u64) {
        let _ = id;
    }
}

pub fn main() {}
