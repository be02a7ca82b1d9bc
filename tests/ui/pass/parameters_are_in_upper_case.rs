#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "b:<TEMPLATE>:<SITE>", ttl = 300)]
    #[allow(non_snake_case)]
    pub async fn get(&self, TEMPLATE: u64, SITE: &str) -> u64 {
        TEMPLATE + SITE.len() as u64
    }

    #[invalidates("b:<TEMPLATE>:<SITE>")]
    #[allow(non_snake_case)]
    pub async fn update(&self, TEMPLATE: u64, SITE: &str) -> u64 {
        TEMPLATE + SITE.len() as u64
    }
}

pub fn main() {}
