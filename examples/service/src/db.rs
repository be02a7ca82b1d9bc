//! The database: `SQLite`, with one connection that writes and a few that read.

use std::path::Path;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio::task::spawn_blocking;

use crate::error::Result;

/// How many queries read at a time.
const READERS: usize = 4;

/// A handle on the database; clones share it.
#[derive(Clone)]
pub struct Db {
    writer: Arc<Mutex<Connection>>,
    idle: Arc<SyncMutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
}

impl Db {
    /// Opens the file, and fills a new one.
    pub fn open(path: &Path) -> Result<Self> {
        let mut writer = connect(path)?;
        let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if !transaction.table_exists(None, "organisations")? {
            transaction.execute_batch(include_str!("schema.sql"))?;
        }
        transaction.commit()?;
        let readers = (0..READERS).map(|_| connect(path)).collect::<rusqlite::Result<_>>()?;
        let (writer, idle) = (Arc::new(Mutex::new(writer)), Arc::new(SyncMutex::new(readers)));
        Ok(Self { writer, idle, permits: Arc::new(Semaphore::new(READERS)) })
    }

    /// Reads what is committed, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let idle = Arc::clone(&self.idle);
        let asked = spawn_blocking(move || {
            // Held until the query is over, even when the caller has gone.
            let _permit = permit;
            let found = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let connection = found.ok_or(rusqlite::Error::InvalidQuery)?;
            let result = query(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            result
        });
        Ok(asked.await??)
    }

    /// Begins a transaction. Dropped before [`Transaction::commit`], it is rolled back.
    pub(crate) async fn begin(&self) -> Result<Transaction> {
        let mut transaction = Transaction(Some(Writer(Arc::clone(&self.writer).lock_owned().await)));
        transaction.run(|db| db.execute_batch("BEGIN IMMEDIATE")).await?;
        Ok(transaction)
    }
}

/// A transaction of the one connection that writes. It is empty while, and only while, a statement runs.
pub(crate) struct Transaction(Option<Writer>);

struct Writer(OwnedMutexGuard<Connection>);

impl Transaction {
    /// Runs statements, on a thread that may block.
    pub(crate) async fn run<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T> {
        let writer = self.0.take().ok_or(rusqlite::Error::InvalidQuery)?;
        let (result, writer) = spawn_blocking(move || (work(&writer.0), writer)).await?;
        self.0 = Some(writer);
        Ok(result?)
    }

    pub(crate) async fn commit(mut self) -> Result<()> {
        self.run(|db| db.execute_batch("COMMIT")).await
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // If it fails, `SQLite` has rolled back already.
            let _ = self.0.execute_batch("ROLLBACK");
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection
        .execute_batch("PRAGMA journal_mode = wal; PRAGMA synchronous = normal; PRAGMA foreign_keys = on")?;
    Ok(connection)
}
