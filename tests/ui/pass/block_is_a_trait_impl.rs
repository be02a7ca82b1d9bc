#![deny(warnings)]
#![allow(async_fn_in_trait)]

use async_trait::async_trait;
use cache_runtime::{KvCacheService, cached, caching, invalidates};

pub trait Native {
    type Id;
    async fn get(&self, id: Self::Id) -> u64;
}

#[async_trait]
pub trait Boxed<T: Send> {
    async fn find(&self, id: &str, by: T) -> Result<Option<u64>, String>;
    async fn forget(&self, id: &str, by: T);
}

pub struct Projects {
    pub cache: KvCacheService,
}

#[caching(ttl = 300)]
impl Native for Projects {
    type Id = u32;

    #[cached(key = "native:<id>")]
    async fn get(&self, id: Self::Id) -> u64 {
        u64::from(id)
    }
}

#[caching(ttl = 300)]
#[async_trait]
impl Boxed<u8> for Projects {
    #[cached(key = "above:<id>:<by>")]
    async fn find(&self, id: &str, by: u8) -> Result<Option<u64>, String> {
        let id: u64 = id.parse().map_err(|_| id.to_owned())?;
        Ok(Some(id + u64::from(by)))
    }

    #[invalidates("above:<id>:<by>")]
    async fn forget(&self, id: &str, by: u8) {
        let _ = (id, by);
    }
}

#[async_trait]
#[caching(ttl = 300)]
impl Boxed<bool> for Projects {
    #[cached(key = "below:<id>:<by>", key_fn = below_key)]
    async fn find(&self, id: &str, by: bool) -> Result<Option<u64>, String> {
        let id: u64 = id.parse().map_err(|_| id.to_owned())?;
        Ok(Some(id + u64::from(by)))
    }

    #[invalidates("below:<id>:<by>")]
    async fn forget(&self, id: &str, by: bool) {
        let _ = (id, by);
    }
}

pub fn main() {
    assert_eq!(Projects::find_key("a", 7).as_str(), "above:a:7");
    assert_eq!(Projects::below_key("a", true).as_str(), "below:a:true");
}
