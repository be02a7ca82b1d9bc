use std::future::Future;
use std::pin::Pin;

use cache_runtime::{KvCacheService, cached};

struct Users {
    cache: KvCacheService,
}

impl Users {
    #[cached(key = "user:<id>", ttl = 60)]
    fn get(&self, id: u64) -> Pin<Box<dyn Future<Output = u64> + Send + '_>> {
        let id = id + 1;
        Box::pin(async move { id })
    }
}

fn main() {}
