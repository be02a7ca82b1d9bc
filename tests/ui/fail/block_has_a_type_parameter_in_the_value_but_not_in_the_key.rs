use std::marker::PhantomData;

use cache_runtime::{KvCacheService, Value, cached, caching};

struct Repository<E> {
    cache: KvCacheService,
    of: PhantomData<E>,
}

#[caching(ttl = 300)]
impl<E: Value> Repository<E> {
    #[cached(key = "entity:<id>")]
    async fn get(&self, id: u64) -> Option<E> {
        let _ = (id, self.of);
        None
    }
}

fn main() {}
