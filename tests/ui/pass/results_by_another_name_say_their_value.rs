#![deny(warnings)]

use std::io;

use cache_runtime::{KvCacheService, cached, invalidates, updates};

type Maybe = Option<u64>;
type Outcome<T> = Result<Option<T>, String>;

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "a:<id>", ttl = 300, value = u64)]
    pub async fn result(&self, id: u64) -> io::Result<u64> {
        Ok(id)
    }

    #[cached(key = "b:<id>", ttl = 300, none_ttl = 5, value = String)]
    pub async fn both(&self, id: u64) -> Outcome<String> {
        Ok(Some(id.to_string()))
    }

    #[cached(key = "c:<id>", ttl = 300, value = u64)]
    pub async fn option(&self, id: u64) -> Maybe {
        Some(id)
    }

    #[updates("b:<id>", value = String)]
    pub async fn replace(&self, id: u64) -> Outcome<String> {
        Ok(Some(id.to_string()))
    }

    #[invalidates("c:<ret>")]
    pub async fn create(&self) -> Outcome<u64> {
        Ok(Some(7))
    }
}

pub fn main() {}
