//! The database: an embedded `SQLite` in a temporary directory, a pool of connections, and the queries.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Transaction};
use tempfile::TempDir;
use tokio::sync::Semaphore;

use crate::model::{Contribution, Project, ProjectChange, ProjectSummary, Status};
use crate::queries::{ID_OF_SLUG, LISTING, PROJECT, TEAM, UPDATE};
use crate::seed::{self, Size};

/// How many queries run at a time.
const CONNECTIONS: usize = 4;

/// An error of the database.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error("there is no project {0}")]
    NoSuchProject(u64),
    #[error("the database failed")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the database's directory could not be made")]
    Directory(#[from] std::io::Error),
    #[error("the query did not finish")]
    Unfinished(#[from] tokio::task::JoinError),
    #[error("the database is closed")]
    Closed(#[from] tokio::sync::AcquireError),
}

/// A handle on the database. Clones share it; the last one to go removes its files.
#[derive(Clone)]
pub struct Db(Arc<Pool>);

struct Pool {
    // Before the directory, so that no file is open when that is removed.
    idle: Mutex<Vec<Connection>>,
    path: PathBuf,
    /// Where this copy of the program made it.
    _directory: Option<TempDir>,
    permits: Arc<Semaphore>,
    queries: AtomicU64,
    nanos: AtomicU64,
}

/// How often the database was asked, and how long it worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub queries: u64,
    pub time: Duration,
}

impl Usage {
    /// What came on top of `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self { queries: self.queries - earlier.queries, time: self.time.saturating_sub(earlier.time) }
    }
}

impl Db {
    /// Makes a database of this size; the same seed always gives the same rows.
    pub async fn seeded(seed: u64, size: Size) -> Result<Self, DbError> {
        tokio::task::spawn_blocking(move || {
            let directory = tempfile::Builder::new().prefix("projects-").tempdir()?;
            let path = directory.path().join("projects.sqlite3");
            let mut connection = connect(&path)?;
            seed::fill(&mut connection, seed, size)?;
            Ok(Self::of(connection, path, Some(directory)))
        })
        .await?
    }

    /// A database that another copy of the program has made.
    pub async fn open(path: &Path) -> Result<Self, DbError> {
        let path = path.to_owned();
        tokio::task::spawn_blocking(move || Ok(Self::of(connect(&path)?, path, None))).await?
    }

    fn of(connection: Connection, path: PathBuf, directory: Option<TempDir>) -> Self {
        Self(Arc::new(Pool {
            idle: Mutex::new(vec![connection]),
            path,
            _directory: directory,
            permits: Arc::new(Semaphore::new(CONNECTIONS)),
            queries: AtomicU64::new(0),
            nanos: AtomicU64::new(0),
        }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// The project of this id.
    pub async fn project(&self, id: u64) -> Result<Option<Project>, DbError> {
        self.ask(move |transaction| project(transaction, id)).await
    }

    /// The id of the project of this slug.
    pub async fn project_id(&self, slug: &str) -> Result<Option<u64>, DbError> {
        let slug = slug.to_owned();
        self.ask(move |transaction| {
            let mut query = transaction.prepare_cached(ID_OF_SLUG)?;
            Ok(query.query_one([slug], |row| row.get(0)).optional()?)
        })
        .await
    }

    /// An organisation's projects with their totals, by name.
    pub async fn projects_of(&self, org_id: u64) -> Result<Vec<ProjectSummary>, DbError> {
        self.ask(move |transaction| {
            let mut query = transaction.prepare_cached(LISTING)?;
            let rows = query.query_map([org_id], summary)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Changes a project and returns it as it is now.
    pub async fn update_project(&self, id: u64, change: ProjectChange) -> Result<Project, DbError> {
        self.ask(move |transaction| {
            transaction.prepare_cached(UPDATE)?.execute((id, change.name, change.status))?;
            project(transaction, id)?.ok_or(DbError::NoSuchProject(id))
        })
        .await
    }

    /// How often it was asked so far, and how long it worked.
    pub fn usage(&self) -> Usage {
        Usage {
            queries: self.0.queries.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.0.nanos.load(Ordering::Relaxed)),
        }
    }

    /// Runs `work` in a transaction on an idle connection, on a thread that may block.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, DbError> + Send + 'static,
    ) -> Result<T, DbError> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await?;
        let pool = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || {
            // Held until the work is over, even when the caller has gone.
            let _permit = permit;
            let started = Instant::now();
            let mut connection = pool.take()?;
            let transaction = connection.transaction()?;
            let result = work(&transaction);
            if result.is_ok() {
                transaction.commit()?;
            } else {
                transaction.rollback()?;
            }
            pool.give_back(connection);
            let nanos = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
            pool.queries.fetch_add(1, Ordering::Relaxed);
            pool.nanos.fetch_add(nanos, Ordering::Relaxed);
            result
        })
        .await?
    }
}

impl Pool {
    fn take(&self) -> Result<Connection, DbError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(|| connect(&self.path), Ok)
    }

    fn give_back(&self, connection: Connection) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    }
}

fn connect(path: &Path) -> Result<Connection, DbError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn project(transaction: &Transaction<'_>, id: u64) -> Result<Option<Project>, DbError> {
    let found = transaction.prepare_cached(PROJECT)?.query_one([id], whole_but_team).optional()?;
    let Some(project) = found else { return Ok(None) };
    let mut query = transaction.prepare_cached(TEAM)?;
    let team = query.query_map([id], |row| Ok(Contribution { member: row.get(0)?, minutes: row.get(1)? }))?;
    Ok(Some(Project { team: team.collect::<Result<_, _>>()?, ..project }))
}

fn whole_but_team(row: &Row<'_>) -> rusqlite::Result<Project> {
    Ok(Project {
        id: row.get(0)?,
        org_id: row.get(1)?,
        organisation: row.get(2)?,
        slug: row.get(3)?,
        name: row.get(4)?,
        status: row.get(5)?,
        due_on: row.get(6)?,
        tasks: row.get(7)?,
        open_tasks: row.get(8)?,
        minutes: row.get(9)?,
        team: Vec::new(),
    })
}

fn summary(row: &Row<'_>) -> rusqlite::Result<ProjectSummary> {
    Ok(ProjectSummary {
        id: row.get(0)?,
        name: row.get(1)?,
        status: row.get(2)?,
        tasks: row.get(3)?,
        open_tasks: row.get(4)?,
        minutes: row.get(5)?,
    })
}

impl ToSql for Status {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or(FromSqlError::InvalidType)
    }
}
