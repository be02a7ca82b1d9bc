use cache_runtime::{KvCacheService, invalidates};

#[invalidates("project:<id>", cache = cache)]
async fn update(cache: &KvCacheService, id: u64) {
    let _ = (cache, id);
}

fn main() {}
