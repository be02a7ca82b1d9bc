//! Cache-aside as it is written by hand.

use std::sync::Arc;

use cache_runtime::KvCacheService;

use crate::source::{Db, DbError, Project};

pub(crate) struct Projects {
    pub(crate) db: Arc<Db>,
    pub(crate) cache: KvCacheService,
}

impl Projects {
    pub(crate) async fn get_project(&self, id: u64) -> Result<Option<Project>, DbError> {
        let key = format!("project:{id}");
        if let Ok(Some(project)) = self.cache.get::<Project>(&key).await {
            return Ok(Some(project));
        }
        let project = self.db.project(id).await?;
        if let Some(project) = &project {
            let _ = self.cache.set(&key, project, 300).await;
        }
        Ok(project)
    }

    pub(crate) async fn rename_project(&self, id: u64, name: &str) -> Result<(), DbError> {
        self.db.rename(id, name).await?;
        let _ = self.cache.delete(format!("project:{id}")).await;
        Ok(())
    }
}
