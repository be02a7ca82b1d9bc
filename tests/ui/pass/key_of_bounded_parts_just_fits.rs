//! The longest key of this template has 447 bytes.

use cache_runtime::{KvCacheService, cached};

pub struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:<org>:<id>", ttl = 300)]
    pub async fn get(&self, org: u64, id: u64) -> u64 {
        org + id
    }
}

pub fn main() {
    assert_eq!(Projects::get_key(u64::MAX, u64::MAX).as_str().len(), 447);
}
