use std::collections::HashMap;

use cache_runtime::cached;

struct Projects {
    cache: HashMap<u64, u64>,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {}
