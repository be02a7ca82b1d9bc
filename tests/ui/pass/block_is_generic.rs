#![deny(warnings)]

use std::marker::PhantomData;

use cache_runtime::{KvCacheService, Value, cached, caching, invalidates};

pub trait Entity: Value {
    const KIND: &'static str;
}

pub struct Repository<E> {
    pub cache: KvCacheService,
    pub of: PhantomData<E>,
}

#[caching(ttl = 300)]
impl<E: Entity> Repository<E> {
    #[cached(key = "<E::KIND>:<id>")]
    pub async fn get(&self, id: u64) -> Option<E> {
        let _ = id;
        None
    }

    #[invalidates("<E::KIND>:<id>")]
    pub async fn update(&self, id: u64) {
        let _ = id;
    }
}

pub fn main() {}
