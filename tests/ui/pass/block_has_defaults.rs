#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, caching, invalidates, updates};

pub struct Projects {
    pub store: KvCacheService,
    pub tenant: String,
}

#[caching(cache = self.store, ttl = 300, none_ttl = 5, skip(verbose), tenant = self.tenant)]
impl Projects {
    pub const LIMIT: u64 = 7;

    #[cached(key = "project:<self.tenant>:<id>")]
    pub async fn get(&self, id: u64, verbose: bool) -> Option<u64> {
        (!verbose).then_some(id)
    }

    #[cached(key = "projects:<self.tenant>:<page>", ttl = "5s")]
    pub async fn list(&self, page: u64) -> Vec<u64> {
        vec![page, Self::LIMIT]
    }

    #[invalidates("project:<self.tenant>:<id>")]
    #[invalidates("projects:<self.tenant>:<page>")]
    pub async fn update(&self, id: u64, page: u64) {
        let _ = (id, page, self.plain());
    }

    #[updates("project:<self.tenant>:<id>")]
    pub async fn replace(&self, id: u64) -> Option<u64> {
        Some(id)
    }

    // Their templates carry the tenant of the same `self`.
    #[invalidates(self.get_key(id), self.list_key(page))]
    pub async fn remove(&self, id: u64, page: u64) {
        let _ = (id, page);
    }

    fn plain(&self) -> usize {
        self.tenant.len()
    }
}

pub fn main() {}
