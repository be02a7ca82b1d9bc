use cache_runtime::{KvCacheService, cache_key, cached};

#[cache_key("projects:<org>", ttl = 60)]
fn projects_key(org: u64) -> Vec<String>;

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(projects_key(org))]
    async fn list(&self, org: u64, page: u32) -> Vec<String> {
        vec![format!("{org}/{page}")]
    }
}

fn main() {}
