#![deny(warnings)]

use async_trait::async_trait;
use cache_runtime::{KvCacheService, cache_key, cached, invalidates};

/// A project, by id.
#[cache_key("project:<id>", ttl = 60)]
pub fn project_key(id: u64) -> String;

#[async_trait]
pub trait Projects {
    async fn get(&self, id: u64) -> Result<Option<String>, String>;
    async fn update(&self, id: u64, name: &str) -> Result<(), String>;
}

pub struct Database {
    pub cache: KvCacheService,
}

#[async_trait]
impl Projects for Database {
    #[cached(project_key(id))]
    async fn get(&self, id: u64) -> Result<Option<String>, String> {
        if id == 0 {
            return Err("zero".to_owned());
        }
        Ok(Some(id.to_string()))
    }

    #[invalidates(project_key(id))]
    async fn update(&self, id: u64, name: &str) -> Result<(), String> {
        let _: u64 = name.parse().map_err(|_| name.to_owned())?;
        let _ = id;
        Ok(())
    }
}

pub fn main() {}
