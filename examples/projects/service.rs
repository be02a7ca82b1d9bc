//! The service: plain methods, each saying what it caches or what it makes stale.

use cache_runtime::{KvCacheService, cached, invalidates};

use crate::db::{Db, DbError};
use crate::model::{Project, ProjectChange, ProjectSummary};

/// Projects, from the cache when they are there.
#[derive(Clone)]
pub struct ProjectService {
    pub db: Db,
    pub cache: KvCacheService,
}

impl ProjectService {
    /// One project. That an id is not there is cached too, for 2 seconds.
    #[cached(key = "project:<id>", ttl = 300, none_ttl = 2)]
    pub async fn get_project(&self, id: u64) -> Result<Option<Project>, DbError> {
        self.db.project(id).await
    }

    /// An organisation's projects with their totals.
    #[cached(key = "org:<org_id>:projects", ttl = 60)]
    pub async fn list_projects(&self, org_id: u64) -> Result<Vec<ProjectSummary>, DbError> {
        self.db.projects_of(org_id).await
    }

    /// Writes the project, and makes its page and its organisation's listing stale.
    ///
    /// Only the result knows the organisation.
    #[invalidates("project:<id>", "org:<ret.org_id>:projects")]
    pub async fn update_project(&self, id: u64, change: ProjectChange) -> Result<Project, DbError> {
        self.db.update_project(id, change).await
    }

    /// One project, by the name in its URL.
    ///
    /// Two steps, so that there is one cached copy of a project, and `update_project` need not know of slugs.
    pub async fn find_by_slug(&self, slug: &str) -> Result<Option<Project>, DbError> {
        match self.id_of_slug(slug).await? {
            Some(id) => self.get_project(id).await,
            None => Ok(None),
        }
    }

    /// The id behind a slug, which never changes.
    #[cached(key = "slug:<slug>", ttl = "1h", none_ttl = 2)]
    pub async fn id_of_slug(&self, slug: &str) -> Result<Option<u64>, DbError> {
        self.db.project_id(slug).await
    }
}
