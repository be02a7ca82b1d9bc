#![deny(warnings)]

use std::marker::PhantomData;

use cache_runtime::{KvCacheService, Value, cached, invalidates};

pub trait Entity: Value {
    const KIND: &'static str;
}

pub struct Repository<'a, E, const N: usize>
where
    E: Entity,
{
    pub cache: &'a KvCacheService,
    pub of: PhantomData<E>,
}

impl<'a, E: Entity, const N: usize> Repository<'a, E, N> {
    #[cached(key = "<E::KIND>:<id>", ttl = 300, cache = self.cache)]
    pub async fn get(&self, id: u64) -> Option<E> {
        let _ = id;
        None
    }

    #[invalidates("<E::KIND>:<id>", cache = self.cache)]
    pub async fn update(&self, id: u64) {
        let _ = id;
    }
}

pub fn main() {}
