//! The database: D1, by its binding.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use worker::D1Database;
use worker::send::SendFuture;
use worker::wasm_bindgen::JsValue;

use crate::model::{Contribution, Project, ProjectChange, ProjectSummary, Status};
use crate::queries::{ID_OF_SLUG, LISTING, PROJECT, TEAM, UPDATE};

/// An error of the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("there is no project {0}")]
    NoSuchProject(u64),
    #[error("the database failed")]
    D1(#[from] worker::Error),
}

/// A handle on the database.
#[derive(Clone)]
pub struct Db(Arc<Handle>);

struct Handle {
    database: D1Database,
    queries: AtomicU64,
}

/// A project without its team.
#[derive(Deserialize)]
struct Row {
    id: u64,
    org_id: u64,
    organisation: String,
    slug: String,
    name: String,
    status: Status,
    due_on: String,
    tasks: u64,
    open_tasks: u64,
    minutes: u64,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

impl Db {
    pub fn new(database: D1Database) -> Self {
        Self(Arc::new(Handle { database, queries: AtomicU64::new(0) }))
    }

    /// How often it was asked.
    pub fn queries(&self) -> u64 {
        self.0.queries.load(Ordering::Relaxed)
    }

    /// The project of this id.
    pub async fn project(&self, id: u64) -> Result<Option<Project>, DbError> {
        let Some(row) = self.ask::<Row>(PROJECT, vec![number(id)]).await?.pop() else { return Ok(None) };
        let team = self.ask::<Contribution>(TEAM, vec![number(id)]).await?;
        let Row { id, org_id, organisation, slug, name, status, due_on, tasks, open_tasks, minutes } = row;
        Ok(Some(Project {
            id,
            org_id,
            organisation,
            slug,
            name,
            status,
            due_on,
            tasks,
            open_tasks,
            minutes,
            team,
        }))
    }

    /// The id of the project of this slug.
    pub async fn project_id(&self, slug: &str) -> Result<Option<u64>, DbError> {
        Ok(self.ask::<Id>(ID_OF_SLUG, vec![slug.into()]).await?.pop().map(|row| row.id))
    }

    /// An organisation's projects with their totals, by name.
    pub async fn projects_of(&self, org_id: u64) -> Result<Vec<ProjectSummary>, DbError> {
        self.ask(LISTING, vec![number(org_id)]).await
    }

    /// Changes a project and returns it as it is now.
    pub async fn update_project(&self, id: u64, change: ProjectChange) -> Result<Project, DbError> {
        let name = change.name.map_or(JsValue::NULL, Into::into);
        let status = change.status.map_or(JsValue::NULL, |status| status.name().into());
        self.ask::<serde::de::IgnoredAny>(UPDATE, vec![number(id), name, status]).await?;
        self.project(id).await?.ok_or(DbError::NoSuchProject(id))
    }

    /// Runs a query. What a Worker awaits need not be `Send`; what a cached method awaits must, so nothing of the
    /// Worker's is kept outside of the wrapper.
    #[expect(clippy::needless_pass_by_value, reason = "a borrowed list would live as long as the future")]
    fn ask<T: DeserializeOwned>(
        &self,
        query: &str,
        values: Vec<JsValue>,
    ) -> impl Future<Output = Result<Vec<T>, DbError>> + Send + use<T> {
        self.0.queries.fetch_add(1, Ordering::Relaxed);
        let statement = self.0.database.prepare(query).bind(&values);
        SendFuture::new(async move { Ok(statement?.all().await?.results::<T>()?) })
    }
}

/// D1 takes no integers of 64 bits; the column makes a number of the text again.
fn number(id: u64) -> JsValue {
    id.to_string().into()
}
