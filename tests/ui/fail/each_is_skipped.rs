use std::collections::HashMap;

use cache_runtime::{KvCacheService, cached};

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn project(&self, id: u64) -> String {
        id.to_string()
    }

    #[cached(key = "project:<id>", each(id in ids), skip(ids))]
    async fn projects(&self, ids: &[u64]) -> HashMap<u64, String> {
        let _ = ids;
        HashMap::new()
    }
}

fn main() {}
