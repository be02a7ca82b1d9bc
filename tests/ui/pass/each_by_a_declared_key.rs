#![deny(warnings)]

use std::collections::HashMap;

use cache_runtime::{KvCacheService, cache_key, cached};

/// The length of a name.
#[cache_key("length:<name>", ttl = 60)]
pub fn length_key(name: &str) -> u64;

#[cached(length_key(&name), each(name in names), cache = cache)]
pub async fn lengths(cache: &KvCacheService, names: &[String]) -> HashMap<String, u64> {
    names.iter().map(|name| (name.clone(), name.len() as u64)).collect()
}

#[tokio::main(flavor = "current_thread")]
pub async fn main() {
    let cache = KvCacheService::in_memory();
    let names = ["ab".to_owned(), "c".to_owned()];
    assert_eq!(lengths(&cache, &names).await.len(), 2);
    assert_eq!(cache.get(length_key("ab")).await.unwrap(), Some(2));
}
