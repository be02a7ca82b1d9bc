//! The readers and writers of a run.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::chance::Chance;
use super::database::{Commit, Database, ROWS, Verdict, version_of};
use super::subjects::{How, Kind, Subject};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) reads: u64,
    pub(crate) readers: u64,
    pub(crate) writers: u64,
    /// In percent; of these only those that have to load are dropped, which is about 2 % of all.
    pub(crate) dropped_reads: u64,
    /// In percent; of these only those whose writer may be dropped are, which is about 20 % of all.
    pub(crate) dropped_writes: u64,
    /// How long after its begin a dropped write may land.
    pub(crate) write_timeout: Duration,
}

/// What happened.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Seen {
    pub(crate) reads: u64,
    pub(crate) dropped_reads: u64,
    pub(crate) loads: u64,
    pub(crate) writes: u64,
    pub(crate) dropped_writes: u64,
    /// Of the dropped writes, those that landed within their time.
    pub(crate) landed: u64,
    pub(crate) stale_after_return: u64,
    pub(crate) stale_after_drop: u64,
    pub(crate) took: Duration,
}

impl Seen {
    pub(crate) fn stale(&self) -> u64 {
        self.stale_after_return + self.stale_after_drop
    }

    /// Whether enough went on for the figures to mean anything.
    pub(crate) fn is_busy(&self) -> bool {
        self.dropped_reads > self.reads / 200
            && self.loads > self.reads / 100
            && self.loads < self.reads / 10 * 9
            && self.writes > self.reads / 1_000
    }
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stale = self.stale();
        #[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
        let percent = stale as f64 * 100.0 / self.reads.max(1) as f64;
        write!(
            f,
            "{} reads ({} dropped), {} loads, {} writes ({} dropped, {} of them landed in time), {stale} stale \
             ({percent:.2} %; {} after a return, {} after a drop), in {:.1?}",
            self.reads,
            self.dropped_reads,
            self.loads,
            self.writes,
            self.dropped_writes,
            self.landed,
            self.stale_after_return,
            self.stale_after_drop,
            self.took
        )
    }
}

#[derive(Default)]
struct Counts {
    begun: AtomicU64,
    dropped_reads: AtomicU64,
    writes: AtomicU64,
    dropped_writes: AtomicU64,
    landed: AtomicU64,
    stale_after_return: AtomicU64,
    stale_after_drop: AtomicU64,
    over: AtomicBool,
}

fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Runs the plan on the subject that `make` makes. Fails when it hangs.
pub(crate) async fn run<S: Subject>(plan: Plan, make: impl FnOnce(Arc<Database>) -> S) -> Seen {
    let database = Database::new(plan.seed);
    let subject = Arc::new(make(Arc::clone(&database)));
    let counts = Arc::new(Counts::default());
    let began = Instant::now();
    let hang = Duration::from_secs(120 + plan.reads / 2_000);

    let of = |task: u64| Task {
        plan,
        number: task,
        chance: Chance::new(plan.seed ^ (task + 1) << 32),
        database: Arc::clone(&database),
        subject: Arc::clone(&subject),
        counts: Arc::clone(&counts),
    };
    let readers: Vec<_> = (0..plan.readers).map(|n| tokio::spawn(of(n).read_until_over())).collect();
    let writers: Vec<_> =
        (0..plan.writers).map(|n| tokio::spawn(of(plan.readers + n).write_until_over())).collect();
    let all = async {
        for reader in readers {
            reader.await.expect("no reader panics");
        }
        counts.over.store(true, Ordering::Relaxed);
        for writer in writers {
            writer.await.expect("no writer panics");
        }
    };
    tokio::time::timeout(hang, all).await.expect("nobody hangs");

    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Seen {
        reads: plan.reads,
        dropped_reads: read(&counts.dropped_reads),
        loads: database.loads(),
        writes: read(&counts.writes),
        dropped_writes: read(&counts.dropped_writes),
        landed: read(&counts.landed),
        stale_after_return: read(&counts.stale_after_return),
        stale_after_drop: read(&counts.stale_after_drop),
        took: began.elapsed(),
    }
}

/// A reader or a writer.
struct Task<S> {
    plan: Plan,
    number: u64,
    chance: Chance,
    database: Arc<Database>,
    subject: Arc<S>,
    counts: Arc<Counts>,
}

impl<S: Subject> Task<S> {
    /// Some rows more often than others.
    fn row(&self) -> u64 {
        self.chance.below(ROWS).min(self.chance.below(ROWS))
    }

    async fn read_until_over(self) {
        let counts = &*self.counts;
        while counts.begun.fetch_add(1, Ordering::Relaxed) < self.plan.reads {
            let row = self.row();
            let kind = match self.chance.below(5) {
                0 => Kind::Brief,
                1 => Kind::Maybe,
                _ => Kind::Item,
            };
            let limit = self.chance.percent(self.plan.dropped_reads).then(|| self.chance.below(2));
            let read = self.database.begin_read(row);
            match polled(limit, self.subject.read(self.number, kind, row)).await {
                Some(seen) => match read.judge(seen) {
                    Verdict::Fresh => {}
                    Verdict::StaleAfterReturn => add(&counts.stale_after_return),
                    Verdict::StaleAfterDrop => add(&counts.stale_after_drop),
                },
                None => add(&counts.dropped_reads),
            }
            drop(read);
            if self.chance.percent(10) {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn write_until_over(self) {
        while !self.counts.over.load(Ordering::Relaxed) {
            self.write().await;
            self.chance.pause().await;
            tokio::time::sleep(Duration::from_millis(self.chance.below(3))).await;
        }
    }

    async fn write(&self) {
        let (counts, row) = (&self.counts, self.row());
        // Every third row is written by one at a time, so that somebody may write the cache by hand there.
        let alone = match row % 3 {
            0 => Some(Arc::new(self.database.writing(row).lock_owned().await)),
            _ => None,
        };
        let how = match self.chance.below(16) {
            0..=4 => How::Invalidates,
            5 => How::InvalidatesByResult,
            6..=10 => How::Updates,
            11 => How::Delete,
            12 => How::DeleteMany,
            13 if self.chance.percent(20) => How::Clear,
            _ if alone.is_some() => How::Set,
            _ => How::Invalidates,
        };
        let is_dropped = how.may_be_dropped() && self.chance.percent(self.plan.dropped_writes);
        let limit = is_dropped.then(|| self.chance.below(2));
        let (landing, landed) = oneshot::channel();
        let database = Arc::clone(&self.database);
        let commit = Commit { database, row, landing, alone: alone.clone() };
        let began = Instant::now();
        add(&counts.writes);
        if let Some(value) = polled(limit, self.subject.write(self.number, how, row, commit)).await {
            self.database.returned(row, version_of(value));
            return;
        }
        add(&counts.dropped_writes);
        let (database, counts) = (Arc::clone(&self.database), Arc::clone(counts));
        let in_time = self.plan.write_timeout;
        tokio::spawn(async move {
            // An error says that it was dropped before it set the commit in motion.
            let Ok((version, when)) = landed.await else { return };
            // What lands later than the service was told is nobody's promise.
            if when.duration_since(began) < in_time {
                add(&counts.landed);
                database.landed(row, version).await;
            }
        });
    }
}

/// Awaits a call; with a limit, polls it so many times more than once and drops it then.
async fn polled<T>(limit: Option<u64>, call: impl Future<Output = T>) -> Option<T> {
    let mut call = pin!(call);
    let mut left = limit;
    poll_fn(|context| match (call.as_mut().poll(context), &mut left) {
        (Poll::Ready(value), _) => Poll::Ready(Some(value)),
        (Poll::Pending, Some(0)) => Poll::Ready(None),
        (Poll::Pending, left) => {
            if let Some(left) = left {
                *left -= 1;
            }
            Poll::Pending
        }
    })
    .await
}
