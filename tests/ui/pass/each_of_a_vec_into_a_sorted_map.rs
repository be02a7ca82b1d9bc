#![deny(warnings)]

use std::collections::BTreeMap;

use cache_runtime::{KeyPart, KvCacheService, cached};

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, KeyPart)]
pub struct Name(String);

pub struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<name>", ttl = 300)]
    pub async fn project(&self, name: &Name) -> u64 {
        name.0.len() as u64
    }

    #[cached(key = "project:<name>", each(name in names), ttl = 30, cache_if = |length| *length > 0)]
    pub async fn projects(&self, mut names: Vec<Name>) -> BTreeMap<Name, u64> {
        names.sort();
        names.into_iter().map(|name| (name.clone(), name.0.len() as u64)).collect()
    }
}

#[tokio::main(flavor = "current_thread")]
pub async fn main() {
    let projects = Projects { cache: KvCacheService::in_memory() };
    let name = Name("ab".to_owned());
    assert_eq!(projects.projects(vec![name.clone()]).await[&name], 2);
    assert_eq!(projects.project(&name).await, 2);
}
