#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, invalidates};

pub const TEMPLATE: u64 = 7;
pub const SITE: Site = Site(1);

pub struct Site(u64);

impl Site {
    fn with<'a>(&self, projects: &'a Projects) -> &'a KvCacheService {
        &projects.cache
    }
}

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "a:<id>", ttl = TEMPLATE, cache = SITE.with(self))]
    pub async fn get(&self, id: u64) -> u64 {
        id + TEMPLATE + SITE.0
    }

    #[invalidates("a:<id>", cache = SITE.with(self))]
    pub async fn update(&self, id: u64) -> u64 {
        id + TEMPLATE + SITE.0
    }
}

pub fn main() {}
