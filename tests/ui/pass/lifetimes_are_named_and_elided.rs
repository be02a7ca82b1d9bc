#![deny(warnings)]

use std::borrow::Cow;

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "a:<name>", ttl = 300)]
    pub async fn named<'a>(&'a self, name: &'a str) -> String {
        name.to_owned()
    }

    #[cached(key = "b:<name>:<tag>", ttl = 300)]
    pub async fn elided(&self, name: &str, tag: Cow<'_, str>) -> String {
        format!("{name}{tag}")
    }

    #[cached(key = "c:<first>/<second>", ttl = 300, skip(rest))]
    pub async fn several<'a, 'b: 'a>(&self, first: &'a str, second: &'b str, rest: &[&'a str]) -> usize {
        first.len() + second.len() + rest.len()
    }

    #[invalidates("a:<name>", "b:<name>:<tag>")]
    pub async fn update<'a>(&self, name: &'a str, tag: &'a str) {
        let _ = (name, tag);
    }
}

pub fn main() {}
