use cache_runtime::{KvCacheService, cached};

struct Org(usize);

impl Org {
    fn pick<'a>(&self, caches: &'a [KvCacheService]) -> &'a KvCacheService {
        &caches[self.0 % caches.len()]
    }
}

struct Projects {
    caches: Vec<KvCacheService>,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, cache = org.pick(&self.caches))]
    async fn get(&self, org: Org, id: u64) -> u64 {
        id + org.0 as u64
    }
}

fn main() {}
