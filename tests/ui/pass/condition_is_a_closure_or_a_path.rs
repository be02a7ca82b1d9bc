#![deny(warnings)]

use cache_runtime::{KvCacheService, cached};

fn worth(name: &String) -> bool {
    !name.is_empty()
}

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "a:<id>", ttl = 300, cache_if = |names: &Vec<String>| !names.is_empty())]
    pub async fn closure(&self, id: u64) -> Vec<String> {
        vec![id.to_string()]
    }

    #[cached(key = "b:<id>", ttl = 300, cache_if = |name| !name.is_empty())]
    pub async fn inferred(&self, id: u64) -> Option<String> {
        Some(id.to_string())
    }

    #[cached(key = "c:<id>", ttl = 300, cache_if = worth)]
    pub async fn path(&self, id: u64) -> Result<String, String> {
        Ok(id.to_string())
    }
}

pub fn main() {}
