use cache_runtime::{KvCacheService, cached, invalidates};

struct Projects {
    cache: KvCacheService,
    names: KvCacheService,
}

impl Projects {
    #[cached(key = "name:<id>", ttl = 300, cache = self.names)]
    async fn name(&self, id: u64) -> String {
        id.to_string()
    }

    #[invalidates(Self::name_key(id))]
    async fn rename(&self, id: u64) {
        let _ = id;
    }

    #[invalidates(Self::name_key(id), cache = self.names)]
    async fn remove(&self, id: u64) {
        let _ = id;
    }
}

fn main() {}
