//! The code of the README: one method that is cached, one that makes it stale.
//!
//! Run it with `cargo run --example quickstart`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Mutex;

use cache_runtime::{KvCacheService, cached, invalidates};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Project {
    id: u64,
    name: String,
}

struct ProjectService {
    db: Mutex<HashMap<u64, Project>>,
    cache: KvCacheService,
}

impl ProjectService {
    /// One project, from the cache when it is there.
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get_project(&self, id: u64) -> Result<Option<Project>, Infallible> {
        println!("  the database is asked for project {id}");
        Ok(self.db.lock().expect("nobody panics").get(&id).cloned())
    }

    /// Writes the project and makes every cached copy of it stale.
    #[invalidates("project:<id>")]
    async fn rename_project(&self, id: u64, name: &str) -> Result<Project, Infallible> {
        let project = Project { id, name: name.to_owned() };
        self.db.lock().expect("nobody panics").insert(id, project.clone());
        Ok(project)
    }
}

#[tokio::main]
async fn main() -> Result<(), Infallible> {
    let projects = ProjectService { db: Mutex::default(), cache: KvCacheService::in_memory() };
    projects.rename_project(7, "Apollo").await?;

    println!("first call: {:?}", projects.get_project(7).await?);
    println!("second call: {:?}", projects.get_project(7).await?);
    projects.rename_project(7, "Gemini").await?;
    println!("after the write: {:?}", projects.get_project(7).await?);
    Ok(())
}
