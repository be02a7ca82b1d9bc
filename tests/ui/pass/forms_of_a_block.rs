//! Two forms of one method under `#[cfg]`, a default `skip` beside a placeholder that begins like it or is renamed,
//! and a parameter that has a name of the expansion's.

use cache_runtime::{KvCacheService, cached, caching};

#[derive(Clone)]
pub struct Pages {
    cache: KvCacheService,
}

#[caching(ttl = 60, skip(page))]
impl Pages {
    #[cfg(unix)]
    #[cached(key = "form:<id>")]
    pub async fn form(&self, id: u64) -> u64 {
        id
    }

    #[cfg(not(unix))]
    #[cached(key = "form:<id>")]
    pub async fn form(&self, id: u64) -> u64 {
        id + 1
    }

    #[cached(key = "sized:<page_size>")]
    pub async fn sized(&self, page_size: u64, page: u64) -> u64 {
        page_size + page
    }

    #[cached(key = "renamed:<number = page>")]
    pub async fn renamed(&self, page: u64) -> u64 {
        page
    }

    #[cached(key = "refreshed:<refresh>:<hit>", stale_while_revalidate = 60)]
    pub async fn refreshed(&self, refresh: u64, hit: u64) -> u64 {
        refresh + hit
    }
}

pub fn main() {}
