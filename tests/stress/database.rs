//! The source of truth, and the oracle that keeps count of what each read is owed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedMutexGuard, oneshot};

use super::chance::Chance;

/// How many rows there are.
pub(crate) const ROWS: u64 = 24;

/// A `maybe` of a row whose version is a multiple of this is "not there".
const ABSENT: u64 = 3;

/// What a row's number is multiplied with in the value, so that a value of another row is known as such.
const OF_ROW: u64 = 1 << 40;

/// Rows that are only a version, which each commit raises by one.
pub(crate) struct Database {
    pub(crate) chance: Chance,
    rows: Vec<Row>,
    loads: AtomicU64,
}

#[derive(Default)]
struct Row {
    newest: AtomicU64,
    /// The newest version of which the write has returned.
    returned: AtomicU64,
    /// The newest version of a dropped write that every read from before it is over for.
    landed: AtomicU64,
    reads: Mutex<Reads>,
    /// Taken by who writes the cache by hand, and by all other writers of that row.
    pub(crate) writing: Arc<tokio::sync::Mutex<()>>,
}

/// The reads under way.
#[derive(Default)]
struct Reads {
    begun: u64,
    open: Vec<u64>,
}

/// A read under way, with what it may see at the least.
pub(crate) struct Read<'a> {
    row: &'a Row,
    number: u64,
    ticket: u64,
    returned: u64,
    landed: u64,
}

/// What the oracle says of a read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Fresh,
    /// Older than a write that had returned.
    StaleAfterReturn,
    /// Older than what a dropped writer had left behind.
    StaleAfterDrop,
}

impl Database {
    pub(crate) fn new(seed: u64) -> Arc<Self> {
        let rows: Vec<Row> = (0..ROWS).map(|_| Row::default()).collect();
        Arc::new(Self { chance: Chance::new(seed), rows, loads: AtomicU64::new(0) })
    }

    fn row(&self, row: u64) -> &Row {
        &self.rows[usize::try_from(row).expect("there are few rows")]
    }

    /// What a cache's loader does: takes its time, reads, takes its time.
    pub(crate) async fn load(&self, row: u64) -> u64 {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.chance.pause().await;
        let version = self.row(row).newest.load(Ordering::SeqCst);
        self.chance.pause().await;
        value(row, version)
    }

    /// The same, of a row that is there or not.
    pub(crate) async fn load_maybe(&self, row: u64) -> Option<u64> {
        let found = self.load(row).await;
        (!(found % OF_ROW).is_multiple_of(ABSENT)).then_some(found)
    }

    pub(crate) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// The lock of those who write a row one after another.
    pub(crate) fn writing(&self, row: u64) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.row(row).writing)
    }

    /// Begins a read: what it may see at the least is settled before anything is asked for.
    pub(crate) fn begin_read(&self, number: u64) -> Read<'_> {
        let row = self.row(number);
        let (returned, landed) = (row.returned.load(Ordering::SeqCst), row.landed.load(Ordering::SeqCst));
        let ticket = row.lock().begin();
        Read { row, number, ticket, returned, landed }
    }

    /// A write of this version has returned.
    pub(crate) fn returned(&self, row: u64, version: u64) {
        self.row(row).returned.fetch_max(version, Ordering::SeqCst);
    }

    /// The commit of a dropped write has landed: it counts once every read is over that has begun by now. Until
    /// then somebody may join a load from before the commit.
    pub(crate) async fn landed(&self, row: u64, version: u64) {
        let row = self.row(row);
        let bound = row.lock().begun;
        while row.lock().open.iter().any(|ticket| *ticket < bound) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        row.landed.fetch_max(version, Ordering::SeqCst);
    }
}

fn value(row: u64, version: u64) -> u64 {
    row * OF_ROW + version
}

impl Row {
    fn lock(&self) -> std::sync::MutexGuard<'_, Reads> {
        self.reads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reads {
    fn begin(&mut self) -> u64 {
        self.begun += 1;
        self.open.push(self.begun - 1);
        self.begun - 1
    }
}

impl Read<'_> {
    /// Judges what was read: a value, or that there is none.
    pub(crate) fn judge(&self, seen: Option<u64>) -> Verdict {
        let newest = self.row.newest.load(Ordering::SeqCst);
        let could_be = |least: u64| match seen {
            Some(seen) => seen >= value(self.number, least),
            // Some version since then was absent.
            None => least.next_multiple_of(ABSENT) <= newest,
        };
        if let Some(seen) = seen {
            assert_eq!(seen / OF_ROW, self.number, "a value of another row");
            assert!(seen <= value(self.number, newest), "a value that never was");
        }
        if !could_be(self.returned) {
            Verdict::StaleAfterReturn
        } else if !could_be(self.landed) {
            Verdict::StaleAfterDrop
        } else {
            Verdict::Fresh
        }
    }
}

impl Drop for Read<'_> {
    fn drop(&mut self) {
        self.row.lock().open.retain(|ticket| *ticket != self.ticket);
    }
}

/// A commit to come: a writer's body sets it in motion, and it lands even if the writer is dropped then.
pub(crate) struct Commit {
    pub(crate) database: Arc<Database>,
    pub(crate) row: u64,
    /// Says which version landed, and when.
    pub(crate) landing: oneshot::Sender<(u64, Instant)>,
    /// Held until it has landed.
    pub(crate) alone: Option<Arc<OwnedMutexGuard<()>>>,
}

impl Commit {
    /// Commits, in a task of its own, and takes its time before and after. Returns the value.
    pub(crate) async fn land(self) -> u64 {
        let Self { database, row, landing, alone } = self;
        let task_database = Arc::clone(&database);
        let commit = tokio::spawn(async move {
            task_database.chance.pause().await;
            let version = task_database.row(row).newest.fetch_add(1, Ordering::SeqCst) + 1;
            // Nobody listens to one that is not dropped.
            let _ = landing.send((version, Instant::now()));
            drop(alone);
            version
        });
        let version = commit.await.expect("a commit does not panic");
        database.chance.pause().await;
        value(row, version)
    }
}

/// The version in a value.
pub(crate) fn version_of(value: u64) -> u64 {
    value % OF_ROW
}
