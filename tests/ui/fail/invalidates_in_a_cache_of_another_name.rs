use std::collections::HashMap;

use cache_runtime::{KvCacheService, cached, invalidates};

struct Users {
    caches: HashMap<&'static str, KvCacheService>,
}

impl Users {
    #[cached(key = "user:<id>", ttl = 60, cache = self.caches["eu west"])]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates("user:<id>", cache = self.caches["euwest"])]
    async fn remove(&self, id: u64) {
        let _ = id;
    }
}

fn main() {}
