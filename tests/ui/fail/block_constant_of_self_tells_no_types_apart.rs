use std::marker::PhantomData;

use cache_runtime::{KvCacheService, Value, cached, caching};

struct Entities<E> {
    cache: KvCacheService,
    of: PhantomData<fn() -> E>,
}

impl<E> Entities<E> {
    const VERSION: &str = "v1";
}

#[caching(ttl = 60)]
impl<E: Value + Default> Entities<E> {
    #[cached(key = "<Self::VERSION>:entity:<id>")]
    async fn get(&self, id: u64) -> E {
        let _ = (id, self.of);
        E::default()
    }
}

fn main() {}
