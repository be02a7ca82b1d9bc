#![deny(warnings)]

use cache_runtime::{KeyPart, KvCacheService, cached, caching, invalidates};

const VERSION: u32 = 2;

#[derive(KeyPart)]
pub struct Borrowed<'a, T: KeyPart>(pub &'a T);

pub struct Shards<const N: usize> {
    pub caches: [KvCacheService; N],
    pub cache: KvCacheService,
}

#[caching(ttl = 60, skip(LIMIT))]
impl<const N: usize> Shards<N> {
    #[cached(key = "count:<N>:<id>")]
    pub async fn count(&self, id: u64) -> usize {
        N + id as usize
    }

    #[invalidates("count:<N>:<id>")]
    pub async fn remove(&self, id: u64) {
        let _ = id;
    }

    #[cached(key = "of:<SIZE>:<id>")]
    pub async fn of<const SIZE: u64>(&self, id: u64) -> u64 {
        SIZE + id
    }

    #[invalidates("of:<SIZE>:<id>")]
    pub async fn drop_of<const SIZE: u64>(&self, id: u64) {
        let _ = id;
    }

    #[cached(key = "limited:<id>")]
    pub async fn limited<const LIMIT: u64>(&self, id: u64) -> u64 {
        id.min(LIMIT)
    }
}

impl<const N: usize> Shards<N> {
    #[cached(key = "v<VERSION>/<id>/<N>", ttl = 5 * 60, cache = self.caches[shard % N], skip(shard))]
    pub async fn sharded(&self, shard: usize, id: u64) -> u64 {
        let _ = shard;
        id
    }

    #[cached(key = "size:<id>", ttl = (60), skip(T))]
    pub async fn size<T>(&self, id: u64) -> u64 {
        id + size_of::<T>() as u64
    }

    #[cached(key = "borrowed:<id>", ttl = 60)]
    pub async fn borrowed(&self, id: Borrowed<'_, u64>) -> u64 {
        *id.0
    }
}

pub struct State {
    pub caches: Vec<KvCacheService>,
}

#[cached(key = "free:<id>", ttl = 60, cache = state.caches[0])]
pub async fn free(state: &State, id: u64) -> u64 {
    let _ = state;
    id
}

pub fn main() {
    assert_eq!(Shards::<2>::count_key(7).as_str(), "count:2:7");
    assert_eq!(Shards::<2>::of_key::<3>(7).as_str(), "of:3:7");
    assert_eq!(Shards::<2>::sharded_key(7).as_str(), "v2/7/2");
}
