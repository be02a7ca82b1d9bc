//! The same with annotations.

use std::sync::Arc;

use cache_runtime::{KvCacheService, cached, invalidates};

use crate::source::{Db, DbError, Project};

pub(crate) struct Projects {
    pub(crate) db: Arc<Db>,
    pub(crate) cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    pub(crate) async fn get_project(&self, id: u64) -> Result<Option<Project>, DbError> {
        self.db.project(id).await
    }

    #[invalidates("project:<id>")]
    pub(crate) async fn rename_project(&self, id: u64, name: &str) -> Result<(), DbError> {
        self.db.rename(id, name).await
    }
}
