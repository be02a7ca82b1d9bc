#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "warm:<id>", ttl = 300)]
    pub async fn warm(&self, id: u64) {
        let _ = id;
    }

    #[cached(key = "checked:<id>", ttl = 300)]
    pub async fn checked(&self, id: u64) -> Result<(), String> {
        if id == 0 { Err("zero".to_owned()) } else { Ok(()) }
    }

    #[invalidates("warm:<id>", "checked:<id>")]
    pub async fn update(&self, id: u64) {
        let _ = id;
    }
}

pub fn main() {}
