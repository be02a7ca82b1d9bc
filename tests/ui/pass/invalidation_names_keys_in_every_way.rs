#![deny(warnings)]

use cache_runtime::{KvCacheService, cache_key, cached, invalidates};

#[cache_key("title:<name>", ttl = 60)]
pub fn title_key(name: &str) -> String;

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, key_fn = project)]
    pub async fn get(&self, id: u64) -> u64 {
        id
    }

    #[invalidates(Self::project(id), Projects::project(id + 1), title_key(&self.name()), "project:<id>")]
    pub async fn update(&self, id: u64) {
        let _ = id;
    }

    #[invalidates(Self::project(ret.0), title_key(&ret.1))]
    pub async fn create(&self) -> Result<(u64, String), String> {
        Ok((1, String::new()))
    }

    fn name(&self) -> String {
        String::new()
    }
}

pub fn main() {}
