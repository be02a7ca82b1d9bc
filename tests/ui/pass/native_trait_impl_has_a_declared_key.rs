#![deny(warnings)]

use std::future::Future;

use cache_runtime::{KvCacheService, cache_key, cached, invalidates};

/// A project, by id.
#[cache_key("project:<id>", ttl = 60)]
pub fn project_key(id: u64) -> String;

pub trait Projects {
    fn get(&self, id: u64) -> impl Future<Output = Option<String>> + Send;
    fn update(&self, id: u64) -> impl Future<Output = ()> + Send;
}

pub struct Database {
    pub cache: KvCacheService,
}

impl Projects for Database {
    #[cached(project_key(id))]
    async fn get(&self, id: u64) -> Option<String> {
        Some(id.to_string())
    }

    #[invalidates(project_key(id))]
    async fn update(&self, id: u64) {
        let _ = id;
    }
}

pub fn main() {}
