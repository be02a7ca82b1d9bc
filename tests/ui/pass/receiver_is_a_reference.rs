#![deny(warnings)]

use cache_runtime::{KvCacheService, cached};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    pub async fn get(&self, id: u64) -> u64 {
        id
    }
}

pub fn main() {}
