#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, invalidates, updates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    pub async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "projects", ttl = 300)]
    pub async fn all(&self) -> Vec<u64> {
        Vec::new()
    }

    #[invalidates("projects")]
    #[updates("project:<id>")]
    #[invalidates("project:<id>", when = "always")]
    pub async fn update(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("projects")]
    #[cached(key = "created:<id>", ttl = 300)]
    #[invalidates("project:<id>")]
    pub async fn create(&self, id: u64) -> Result<u64, String> {
        Ok(id)
    }
}

pub fn main() {}
