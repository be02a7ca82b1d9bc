#![deny(warnings)]

use std::collections::HashMap;

use async_trait::async_trait;
use cache_runtime::{KvCacheService, cached, caching};

#[async_trait]
pub trait Projects {
    async fn project(&self, id: u64) -> Result<Option<String>, String>;
    async fn projects(&self, ids: &[u64]) -> Result<HashMap<u64, String>, String>;
}

pub struct Database {
    cache: KvCacheService,
}

#[caching(ttl = 60, none_ttl = 5)]
#[async_trait]
impl Projects for Database {
    #[cached(key = "project:<id>")]
    async fn project(&self, id: u64) -> Result<Option<String>, String> {
        Ok(Some(id.to_string()))
    }

    #[cached(key = "project:<id>", each(id in ids))]
    async fn projects(&self, ids: &[u64]) -> Result<HashMap<u64, String>, String> {
        Ok(ids.iter().map(|id| (*id, id.to_string())).collect())
    }
}

#[tokio::main(flavor = "current_thread")]
pub async fn main() {
    let database = Database { cache: KvCacheService::in_memory() };
    assert_eq!(database.projects(&[1, 2]).await.unwrap().len(), 2);
    assert_eq!(database.project(2).await.unwrap().as_deref(), Some("2"));
}
