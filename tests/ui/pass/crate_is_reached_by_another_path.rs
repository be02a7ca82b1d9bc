#![deny(warnings)]

use cache_runtime::KvCacheService;

// Each import is unused, which is an error here, if the attribute does not go by it.
mod for_key {
    pub(super) use cache_runtime::{__private, cache_key};
}

mod for_cached {
    pub(super) use cache_runtime::{__private, cached};
}

mod for_writes {
    pub(super) use cache_runtime::{__private, invalidates, updates};
}

mod for_block {
    pub(super) use cache_runtime::{__private, cached, caching};
}

use for_block::caching;
use for_cached::cached;
use for_key::cache_key;
use for_writes::{invalidates, updates};

#[cache_key("title:<page>", ttl = 60, crate = for_key)]
pub fn title_key(page: u64) -> String;

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, crate = for_cached)]
    pub async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(title_key(page), crate = self::for_cached)]
    pub async fn title(&self, page: u64) -> String {
        page.to_string()
    }

    #[invalidates("project:<id>", crate = for_writes)]
    pub async fn update(&self, id: u64) {
        let _ = id;
    }

    #[updates("project:<id>", crate = for_writes)]
    pub async fn replace(&self, id: u64) -> u64 {
        id
    }
}

#[caching(ttl = 300, crate = for_block)]
impl Projects {
    #[for_block::cached(key = "name:<id>")]
    pub async fn name(&self, id: u64) -> u64 {
        id
    }
}

pub fn main() {}
