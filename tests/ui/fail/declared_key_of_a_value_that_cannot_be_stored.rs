use cache_runtime::{KvCacheService, cache_key, cached};

struct Project(u64);

#[cache_key("project:<id>", ttl = 60)]
fn project_key(id: u64) -> Project;

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(project_key(id))]
    async fn get(&self, id: u64) -> Project {
        Project(id)
    }
}

fn main() {}
