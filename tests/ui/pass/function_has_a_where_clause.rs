#![deny(warnings)]

use cache_runtime::{KvCacheService, cached};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, skip(make))]
    pub async fn get<F>(&self, id: u64, make: F) -> String
    where
        F: Fn(u64) -> String + Send + Sync,
        Self: Sized,
        u64: Copy,
    {
        make(id)
    }
}

pub fn main() {}
