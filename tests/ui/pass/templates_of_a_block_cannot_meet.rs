#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, caching};

pub struct Projects {
    pub cache: KvCacheService,
}

#[caching(ttl = 300)]
impl Projects {
    #[cached(key = "project:<id>")]
    pub async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "project:list")]
    pub async fn list(&self) -> Vec<u64> {
        Vec::new()
    }

    #[cached(key = "project:<slug>/tags")]
    pub async fn tags(&self, slug: &str) -> u64 {
        slug.len() as u64
    }
}

pub fn main() {}
