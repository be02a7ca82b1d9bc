#![deny(warnings)]

extern crate cache_runtime as store;

mod cache_runtime {}

use store::{KvCacheService, cache_key, cached, invalidates, updates};

#[cache_key("title:<page>", ttl = 60, crate = store)]
pub fn title_key(page: u64) -> String;

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, crate = store)]
    pub async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(title_key(page), crate = crate::store)]
    pub async fn title(&self, page: u64) -> String {
        page.to_string()
    }

    #[invalidates("project:<id>", crate = store)]
    pub async fn update(&self, id: u64) {
        let _ = id;
    }

    #[updates("project:<id>", crate = store)]
    pub async fn replace(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
