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

impl<const N: usize> Shards<N> {
    #[cached(key = "computed:<id>", ttl = 60, skip(compute))]
    pub async fn with_a_where_clause<F, Fut>(&self, id: u64, compute: F) -> u64
    where
        F: FnOnce(u64) -> Fut + Send,
        Fut: Future<Output = u64> + Send,
    {
        compute(id).await
    }

    #[cached(key = "other:<kind>:<id>", ttl = SHORT, cache = self.caches[0])]
    #[allow(non_upper_case_globals)]
    pub async fn other<const kind: u64>(&self, id: u64) -> Result<u64, [u8; 2]>
    where
        [(); N]: Sized,
    {
        Ok(id + kind)
    }

    #[invalidates(Self::other_key::<1>(id), cache = &self.caches[0])]
    pub async fn remove_other(&self, id: u64) {
        let _ = id;
    }
}

const SHORT: u64 = zero::ZERO;

mod zero {
    pub(super) const ZERO: u64 = 30;
}

macro_rules! count_key {
    ($id:expr) => {
        Self::count_key($id)
    };
}

impl<const N: usize> Shards<N> {
    #[invalidates(count_key!(id))]
    pub async fn by_a_macro(&self, id: u64) {
        let _ = id;
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
