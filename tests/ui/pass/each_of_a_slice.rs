#![deny(warnings)]

use std::collections::HashMap;

use cache_runtime::{KvCacheService, cached};

pub struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "org:<org>:project:<id>", ttl = 300, none_ttl = 5)]
    pub async fn project(&self, org: &str, id: u64) -> Option<String> {
        Some(format!("{org} {id}"))
    }

    #[cached(key = "org:<org>:project:<id>", each(id in ids))]
    pub async fn projects(&self, org: String, ids: &[u64]) -> Result<HashMap<u64, String>, String> {
        if ids.len() > 100 {
            return Err(org);
        }
        Ok(ids.iter().map(|id| (*id, format!("{org} {id}"))).collect())
    }
}

#[tokio::main(flavor = "current_thread")]
pub async fn main() {
    let projects = Projects { cache: KvCacheService::in_memory() };
    let found = projects.projects("a".to_owned(), &[1, 2]).await.unwrap();
    assert_eq!(found[&2], "a 2");
    assert_eq!(projects.project("a", 1).await.as_deref(), Some("a 1"));
}
