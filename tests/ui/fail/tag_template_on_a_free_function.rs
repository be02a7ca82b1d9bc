use cache_runtime::{KvCacheService, invalidates};

#[invalidates(tags = ["org:<org_id>"], cache = cache)]
async fn change(cache: &KvCacheService, org_id: u64) {
    let _ = (cache, org_id);
}

fn main() {}
