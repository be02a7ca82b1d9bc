use std::rc::Rc;

use cache_runtime::{KvCacheService, cached};

#[derive(Clone)]
struct Project {
    name: Rc<String>,
}

struct Projects {
    cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> Option<Project> {
        Some(Project { name: Rc::new(id.to_string()) })
    }
}

fn main() {}
