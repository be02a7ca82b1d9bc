#![deny(warnings)]
#![allow(async_fn_in_trait)]

use cache_runtime::{KvCacheService, cache_key, cached};

/// A project, by id.
#[cache_key("project:<id>", ttl = 60)]
pub fn project_key(id: u64) -> String;

pub trait Projects {
    fn cache(&self) -> &KvCacheService;

    #[cached(project_key(id), cache = self.cache())]
    async fn get(&self, id: u64) -> String {
        id.to_string()
    }
}

pub fn main() {}
