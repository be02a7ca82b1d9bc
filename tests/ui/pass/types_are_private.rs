#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, invalidates, updates};

mod inner {
    use super::*;

    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    struct Project(u64);

    #[derive(Clone, Copy)]
    struct Query {
        id: u64,
    }

    struct Projects {
        cache: KvCacheService,
    }

    impl Projects {
        #[cached(key = "project:<query.id>", ttl = 300)]
        async fn get(&self, query: Query) -> Option<Project> {
            Some(Project(query.id))
        }

        #[invalidates("project:<query.id>")]
        async fn update(&self, query: Query) {
            let _ = query;
        }

        #[updates("project:<query.id>")]
        async fn replace(&self, query: Query) -> Project {
            Project(query.id)
        }
    }

    pub async fn all() {
        let projects = Projects { cache: KvCacheService::in_memory() };
        let query = Query { id: 7 };
        projects.update(query).await;
        let _ = (projects.get(query).await, projects.replace(query).await);
        let _ = Projects::get_key(query).as_str();
    }
}

pub fn main() {
    drop(inner::all());
}
