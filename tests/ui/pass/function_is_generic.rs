#![deny(warnings)]

use std::fmt::Display;

use cache_runtime::{KeyPart, KvCacheService, cached};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, skip(show, count))]
    pub async fn get<T, const N: usize>(&self, id: u64, show: &T, count: [u8; N]) -> String
    where
        T: Display + Sync,
    {
        format!("{id} {show} {}", count.len())
    }

    #[cached(key = "by:<part>", ttl = 300)]
    pub async fn by_part<P: KeyPart + Send + Sync>(&self, part: P) -> u64 {
        drop(part);
        7
    }

    #[cached(key = "impl:<part>", ttl = 300)]
    pub async fn by_impl(&self, part: impl KeyPart + Send + Sync) -> u64 {
        drop(part);
        7
    }
}

pub fn main() {}
