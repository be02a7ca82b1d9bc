//! Organisations, their settings and their projects: what is read from the cache, and what makes it stale.
//!
//! A method that writes takes the transaction that it is a part of; `Api::write` puts `deferring` round that, so that
//! what it made stale is invalidated after the commit.

use async_trait::async_trait;
use axum::http::StatusCode;
use cache_runtime::{KvCacheService, cached, caching, invalidates, updates};
use rusqlite::{OptionalExtension, Row};
use serde::{Deserialize, Serialize};

use crate::db::{Db, Transaction};
use crate::error::{NOT_FOUND, Result, ServiceError};

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Project {
    id: u64,
    name: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct OrgSettings {
    theme: String,
    project_limit: u64,
}

#[async_trait]
pub(crate) trait Organisations {
    async fn get_org_settings(&self, org: u64) -> Result<Option<OrgSettings>>;
    async fn set_org_settings(&self, tx: &mut Transaction, org: u64, to: OrgSettings) -> Result<OrgSettings>;
}

#[async_trait]
pub(crate) trait Projects {
    async fn get_project(&self, org: u64, id: u64) -> Result<Option<Project>>;
    async fn list_projects(&self, org: u64) -> Result<Vec<Project>>;
    async fn create_project(&self, tx: &mut Transaction, org: u64, name: String) -> Result<Project>;
    async fn rename_project(&self, tx: &mut Transaction, org: u64, id: u64, name: String) -> Result<Project>;
}

/// Both, in `SQLite`, before which stands the cache.
#[derive(Clone)]
pub(crate) struct Repository {
    pub(crate) cache: KvCacheService,
    pub(crate) db: Db,
}

#[caching(ttl = "5m", none_ttl = 5, tenant = org)]
#[async_trait]
impl Organisations for Repository {
    #[cached(key = "org:<org>:settings")]
    async fn get_org_settings(&self, org: u64) -> Result<Option<OrgSettings>> {
        let sql = "SELECT * FROM settings WHERE org_id = ?1";
        self.db.read(move |db| db.prepare_cached(sql)?.query_one([org], settings).optional()).await
    }

    #[updates("org:<org>:settings")]
    async fn set_org_settings(&self, tx: &mut Transaction, org: u64, to: OrgSettings) -> Result<OrgSettings> {
        let sql = "UPDATE settings SET (theme, project_limit) = (?2, ?3) WHERE org_id = ?1 RETURNING *";
        let row = (org, to.theme, to.project_limit);
        tx.run(move |db| db.query_one(sql, row, settings).optional()).await?.ok_or(NOT_FOUND)
    }
}

#[caching(ttl = "5m", tenant = org)]
#[async_trait]
impl Projects for Repository {
    #[cached(key = "org:<org>:project:<id>", none_ttl = 5)]
    async fn get_project(&self, org: u64, id: u64) -> Result<Option<Project>> {
        let sql = "SELECT id, name FROM projects WHERE org_id = ?1 AND id = ?2";
        self.db.read(move |db| db.prepare_cached(sql)?.query_one((org, id), project).optional()).await
    }

    #[cached(key = "org:<org>:projects")]
    async fn list_projects(&self, org: u64) -> Result<Vec<Project>> {
        let sql = "SELECT id, name FROM projects WHERE org_id = ?1 ORDER BY name, id";
        self.db.read(move |db| db.prepare_cached(sql)?.query_map([org], project)?.collect()).await
    }

    #[invalidates("org:<org>:projects", "org:<org>:project:<ret.id>")]
    async fn create_project(&self, tx: &mut Transaction, org: u64, name: String) -> Result<Project> {
        let sql = "INSERT INTO projects (org_id, name)
            SELECT org_id, ?2 FROM settings WHERE org_id = ?1
                AND project_limit > (SELECT count(*) FROM projects WHERE org_id = ?1)
            RETURNING id, name";
        let created = tx.run(move |db| db.query_one(sql, (org, name), project).optional()).await?;
        created.ok_or(ServiceError::Refused(StatusCode::CONFLICT, "there may be no more projects"))
    }

    #[invalidates("org:<org>:projects", "org:<org>:project:<id>")]
    async fn rename_project(&self, tx: &mut Transaction, org: u64, id: u64, name: String) -> Result<Project> {
        let sql = "UPDATE projects SET name = ?3 WHERE org_id = ?1 AND id = ?2 RETURNING id, name";
        tx.run(move |db| db.query_one(sql, (org, id, name), project).optional()).await?.ok_or(NOT_FOUND)
    }
}

fn project(row: &Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project { id: row.get(0)?, name: row.get(1)? })
}

fn settings(row: &Row<'_>) -> rusqlite::Result<OrgSettings> {
    Ok(OrgSettings { theme: row.get("theme")?, project_limit: row.get("project_limit")? })
}
