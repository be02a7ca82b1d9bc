//! The stress with its oracle over several processes: this test program starts itself several times, on one server.
//!
//! What the processes share beside the server is a file of numbers. Each row is written by one of them, which alone
//! counts its versions; all read all rows. `STRESS_PROCESS_READS` (300,000) is how many reads there are in all.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cache_runtime::{KvCacheService, RedisBackend, cached, invalidates};
use tokio::task::JoinSet;

use crate::server::{Kind, Server};
use crate::stress::chance::Chance;

const PROCESSES: u64 = 4;
const ROWS: u64 = 24;
const READERS: u64 = 32;
/// In percent of those that are still under way after some polls.
const DROPPED_READS: u64 = 14;
const DROPPED_WRITES: u64 = 40;
/// In percent of the writes.
const BY_TAG: u64 = 30;
const OF_ALL: u64 = 2;
/// How long after its begin a dropped write may land.
const WRITE_TIMEOUT: Duration = Duration::from_millis(200);

/// Numbers that all processes see, in a file. Each is stored twice, so that none is read half-written.
struct Numbers(File);

/// Which number of a row or of a process.
#[derive(Clone, Copy)]
enum Cell {
    /// The newest version that was committed.
    Newest(u64),
    /// The newest whose write has returned.
    Returned(u64),
    /// The newest of a dropped write that no read from before it is under way for.
    Landed(u64),
    /// When the oldest read of a process that is under way began, in milliseconds; the largest number at its end.
    Oldest(u64),
}

impl Numbers {
    fn at(path: &Path) -> Self {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        Self(file.expect("the file opens"))
    }

    fn place(cell: Cell) -> u64 {
        16 * match cell {
            Cell::Newest(row) => row,
            Cell::Returned(row) => ROWS + row,
            Cell::Landed(row) => 2 * ROWS + row,
            Cell::Oldest(process) => 3 * ROWS + process,
        }
    }

    fn set(&self, cell: Cell, number: u64) {
        let both = [number.to_ne_bytes(), number.to_ne_bytes()].concat();
        self.0.write_all_at(&both, Self::place(cell)).expect("the file is written");
    }

    fn get(&self, cell: Cell) -> u64 {
        let mut both = [0; 16];
        loop {
            self.0.read_exact_at(&mut both, Self::place(cell)).expect("the file is read");
            let (one, other) = both.split_at(8);
            if one == other {
                return u64::from_ne_bytes(one.try_into().expect("it is a half"));
            }
        }
    }
}

fn millis() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(now.as_millis()).expect("it is not that late")
}

/// The reads of this process that are under way: when each began, by its slot; 0 where there is none.
type Open = Vec<AtomicU64>;

type Landing = tokio::sync::oneshot::Sender<(u64, Instant)>;

/// What a writer invalidates.
#[derive(Clone, Copy, PartialEq)]
enum How {
    Key,
    Tag,
    /// The whole prefix, after the commit: such a write is not dropped.
    All,
}

#[derive(Clone)]
struct Process {
    number: u64,
    cache: KvCacheService,
    numbers: Arc<Numbers>,
    chance: Arc<Chance>,
    loads: Arc<AtomicU64>,
    open: Arc<Open>,
    /// Whether the attributes are used, or look, load, set and delete.
    by_hand: bool,
}

impl Process {
    async fn load(&self, row: u64) -> u64 {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.chance.pause().await;
        let version = self.numbers.get(Cell::Newest(row));
        self.chance.pause().await;
        version
    }

    #[cached(key = "item:<row>", ttl = 300, tags = ["row:<row>"])]
    async fn item(&self, row: u64) -> u64 {
        self.load(row).await
    }

    #[invalidates("item:<row>")]
    async fn change(&self, row: u64, landing: Landing) -> u64 {
        self.commit(row, landing).await
    }

    #[invalidates(tags = ["row:<row>"])]
    async fn change_by_tag(&self, row: u64, landing: Landing) -> u64 {
        self.commit(row, landing).await
    }

    async fn change_all(&self, row: u64, landing: Landing) -> u64 {
        let version = self.commit(row, landing).await;
        self.cache.invalidate_all().await.expect("the cache answers");
        version
    }

    /// Commits in a task of its own, which goes on when the write is dropped.
    async fn commit(&self, row: u64, landing: Landing) -> u64 {
        let own = self.clone();
        let commit = tokio::spawn(async move {
            own.chance.pause().await;
            let version = own.numbers.get(Cell::Newest(row)) + 1;
            own.numbers.set(Cell::Newest(row), version);
            // Nobody listens to one that is not dropped.
            let _ = landing.send((version, Instant::now()));
            version
        });
        let version = commit.await.expect("a commit does not panic");
        self.chance.pause().await;
        version
    }

    async fn read(&self, row: u64) -> u64 {
        if !self.by_hand {
            return self.item(row).await;
        }
        let key = format!("item:{row}");
        if let Some(found) = self.cache.get::<u64>(key.as_str()).await.expect("the cache answers") {
            return found;
        }
        let loaded = self.load(row).await;
        let _ = self.cache.set(key.as_str(), &loaded, 300).await.expect("the cache answers");
        loaded
    }

    /// How the next write is made.
    fn how(&self) -> How {
        match self.chance.below(100) {
            _ if self.by_hand => How::Key,
            below if below < OF_ALL => How::All,
            below if below < OF_ALL + BY_TAG => How::Tag,
            _ => How::Key,
        }
    }

    async fn write(&self, how: How, row: u64, landing: Landing) -> u64 {
        match how {
            How::Tag => return self.change_by_tag(row, landing).await,
            How::All => return self.change_all(row, landing).await,
            How::Key if !self.by_hand => return self.change(row, landing).await,
            How::Key => {}
        }
        let version = self.commit(row, landing).await;
        self.cache.delete(format!("item:{row}").as_str()).await.expect("the cache answers");
        version
    }

    /// Waits until no read of any process is under way that began before now.
    async fn earlier_reads_are_over(&self) {
        let now = millis() + 1;
        while (0..PROCESSES).any(|process| self.numbers.get(Cell::Oldest(process)) <= now) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// What a process has seen.
#[derive(Default)]
struct Seen {
    reads: AtomicU64,
    dropped_reads: AtomicU64,
    writes: AtomicU64,
    dropped_writes: AtomicU64,
    landed: AtomicU64,
    by_tag: AtomicU64,
    of_all: AtomicU64,
    stale: AtomicU64,
}

/// Polls a call so many times more than once, and drops it then.
async fn polled<T>(limit: Option<u64>, call: impl Future<Output = T>) -> Option<T> {
    let mut call = std::pin::pin!(call);
    let mut left = limit;
    std::future::poll_fn(|context| match (call.as_mut().poll(context), &mut left) {
        (std::task::Poll::Ready(value), _) => std::task::Poll::Ready(Some(value)),
        (_, Some(0)) => std::task::Poll::Ready(None),
        (_, left) => {
            if let Some(left) = left {
                *left -= 1;
            }
            std::task::Poll::Pending
        }
    })
    .await
}

async fn reader(process: Process, slot: usize, share: u64, seen: Arc<Seen>) {
    while seen.reads.fetch_add(1, Ordering::Relaxed) < share {
        let row = process.chance.below(ROWS).min(process.chance.below(ROWS));
        let limit = process.chance.percent(DROPPED_READS).then(|| process.chance.below(2));
        process.open[slot].store(millis(), Ordering::SeqCst);
        let least = process.numbers.get(Cell::Returned(row)).max(process.numbers.get(Cell::Landed(row)));
        match polled(limit, process.read(row)).await {
            Some(version) if version < least => {
                seen.stale.fetch_add(1, Ordering::Relaxed);
            }
            Some(_) => {}
            None => {
                seen.dropped_reads.fetch_add(1, Ordering::Relaxed);
            }
        }
        process.open[slot].store(0, Ordering::SeqCst);
    }
}

async fn writer(process: Process, of: u64, seen: Arc<Seen>, share: u64) {
    // Each row has one writer, so that its versions have one counter.
    let row = process.number + PROCESSES * of;
    while seen.reads.load(Ordering::Relaxed) < share {
        let how = process.how();
        let is_dropped = how != How::All && process.chance.percent(DROPPED_WRITES);
        let limit = is_dropped.then(|| process.chance.below(2));
        let (landing, landed) = tokio::sync::oneshot::channel();
        let began = Instant::now();
        seen.writes.fetch_add(1, Ordering::Relaxed);
        seen.by_tag.fetch_add(u64::from(how == How::Tag), Ordering::Relaxed);
        seen.of_all.fetch_add(u64::from(how == How::All), Ordering::Relaxed);
        match polled(limit, process.write(how, row, landing)).await {
            Some(version) => process.numbers.set(Cell::Returned(row), version),
            None => {
                seen.dropped_writes.fetch_add(1, Ordering::Relaxed);
                // An error says that it was dropped before it set the commit in motion.
                if let Ok((version, when)) = landed.await
                    && when.saturating_duration_since(began) < WRITE_TIMEOUT
                {
                    process.earlier_reads_are_over().await;
                    process.numbers.set(Cell::Landed(row), version);
                    seen.landed.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        process.chance.pause().await;
        tokio::time::sleep(Duration::from_millis(process.chance.below(6))).await;
    }
}

/// What a child does.
async fn run(url: &str, path: &Path, number: u64, share: u64, by_hand: bool) -> String {
    let limit = Duration::from_secs(20);
    let backend = RedisBackend::builder(url).connect_timeout(limit).command_timeout(limit);
    let backend = backend.connect().await.expect("the server answers");
    let cache = KvCacheService::builder(Arc::new(backend)).write_timeout(WRITE_TIMEOUT).timeout(limit);
    // Short, so that more of them load beside each other.
    let cache = cache.lease_wait(Duration::from_millis(10)).prefix_generation(!by_hand);
    let cache = cache.build().expect("a valid prefix");
    let slots = usize::try_from(READERS).expect("there are few");
    let process = Process {
        number,
        cache,
        numbers: Arc::new(Numbers::at(path)),
        chance: Arc::new(Chance::new(0x5EED ^ (number + 1) << 40)),
        loads: Arc::default(),
        open: Arc::new((0..slots).map(|_| AtomicU64::new(0)).collect()),
        by_hand,
    };
    let seen = Arc::new(Seen::default());
    let oldest = tokio::spawn({
        let process = process.clone();
        async move {
            loop {
                // Before the look: a read that begins meanwhile began later.
                let now = millis();
                let began = process.open.iter().map(|slot| slot.load(Ordering::SeqCst));
                let oldest = began.filter(|began| *began > 0).min().unwrap_or(now);
                process.numbers.set(Cell::Oldest(number), oldest);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    let mut readers = JoinSet::new();
    for slot in 0..slots {
        readers.spawn(reader(process.clone(), slot, share, Arc::clone(&seen)));
    }
    let mut writers = JoinSet::new();
    for of in 0..ROWS / PROCESSES {
        writers.spawn(writer(process.clone(), of, Arc::clone(&seen), share));
    }
    readers.join_all().await;
    oldest.abort();
    let _ = oldest.await;
    process.numbers.set(Cell::Oldest(number), u64::MAX);
    writers.join_all().await;
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    format!(
        "seen {share} {} {} {} {} {} {} {} {}",
        of(&seen.dropped_reads),
        of(&process.loads),
        of(&seen.writes),
        of(&seen.dropped_writes),
        of(&seen.landed),
        of(&seen.by_tag),
        of(&seen.of_all),
        of(&seen.stale)
    )
}

/// A child of the tests below, and nothing when it is run by itself.
#[test]
fn child() {
    let Ok(role) = std::env::var("STRESS_CHILD") else { return };
    let parts: Vec<&str> = role.split('|').collect();
    let executor = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let executor = executor.expect("an executor starts");
    let [url, path, number, share, by_hand] = parts[..] else {
        let [url, path, "slowly"] = parts[..] else { panic!("{role}") };
        println!("seen {}", executor.block_on(load_slowly(url, Path::new(path))));
        return;
    };
    let counted = |text: &str| text.parse::<u64>().expect("it is a number");
    let seen =
        executor.block_on(run(url, Path::new(path), counted(number), counted(share), by_hand == "true"));
    println!("{seen}");
}

/// Starts this program once more, as a child.
fn spawn(role: &str) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("this program has a path"));
    child.args(["several::child", "--exact", "--nocapture", "--test-threads", "1"]);
    child.env("STRESS_CHILD", role).stdout(Stdio::piped()).spawn().expect("it starts")
}

/// Runs all processes to their end; what they have seen, added up.
fn run_all(kind: Kind, reads: u64, by_hand: bool) -> Option<[u64; 9]> {
    let server = Server::start(kind, &[])?;
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path: PathBuf = directory.path().join("numbers");
    Numbers::at(&path).0.set_len(16 * (3 * ROWS + PROCESSES)).expect("the file grows");
    let start = Instant::now();
    let children: Vec<_> = (0..PROCESSES)
        .map(|number| {
            let role =
                format!("{}|{}|{number}|{}|{by_hand}", server.url(0), path.display(), reads / PROCESSES);
            spawn(&role)
        })
        .collect();
    let mut all = [0; 9];
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{text}");
        let seen = text.lines().find_map(|line| line.split_once("seen ")).expect("it says what it saw").1;
        for (sum, number) in all.iter_mut().zip(seen.split(' ')) {
            *sum += number.parse::<u64>().expect("it is a number");
        }
    }
    let [reads, dropped_reads, loads, writes, dropped_writes, landed, by_tag, of_all, stale] = all;
    #[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
    let percent = stale as f64 * 100.0 / reads as f64;
    println!(
        "{PROCESSES} processes on {kind:?}{}: {reads} reads ({dropped_reads} dropped), {loads} loads, {writes} writes \
         ({dropped_writes} dropped, {landed} of them landed in time; {by_tag} by a tag, {of_all} of the whole prefix), \
         {stale} stale ({percent:.2} %), in {:.1?}",
        if by_hand { ", by hand" } else { "" },
        start.elapsed()
    );
    Some(all)
}

fn reads() -> u64 {
    std::env::var("STRESS_PROCESS_READS").map_or(300_000, |text| text.parse().expect("it is a number"))
}

#[test]
fn no_read_of_several_processes_is_older_than_a_write_that_returned_or_was_dropped() {
    let Some(seen) = run_all(Kind::Redis, reads(), false) else { return };
    let [reads, dropped_reads, loads, writes, dropped_writes, landed, by_tag, of_all, stale] = seen;
    assert_eq!(stale, 0);
    assert!(dropped_reads > reads / 500 && loads > reads / 100 && writes > reads / 1_000, "{seen:?}");
    assert!(dropped_writes > writes / 10 && landed > 0, "{seen:?}");
    assert!(by_tag > writes / 5 && of_all > writes / 200, "{seen:?}");
}

#[test]
fn several_processes_by_hand_do_read_stale_values_by_the_same_oracle() {
    let Some([.., stale]) = run_all(Kind::Redis, 40_000, true) else { return };
    assert!(stale > 0);
}

/// What a child that is to be stopped does: one slow load.
async fn load_slowly(url: &str, path: &Path) -> u64 {
    let backend = RedisBackend::builder(url).connect().await.expect("the server answers");
    let cache = KvCacheService::builder(Arc::new(backend)).build().expect("a valid prefix");
    let loaded = cache.get_or_load("slow", 300, async || {
        let seen = Numbers::at(path).get(Cell::Newest(0));
        Numbers::at(path).set(Cell::Oldest(0), 1);
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        Ok::<_, std::convert::Infallible>(seen)
    });
    loaded.await.expect("no load fails")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_stopped_in_a_load_is_not_waited_for_and_stores_nothing_when_it_goes_on() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path: PathBuf = directory.path().join("numbers");
    let numbers = Numbers::at(&path);
    numbers.0.set_len(16 * (3 * ROWS + PROCESSES)).expect("the file grows");
    numbers.set(Cell::Newest(0), 1);
    let child = spawn(&format!("{}|{}|slowly", server.url(0), path.display()));
    while numbers.get(Cell::Oldest(0)) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let signal = |name: &str| {
        let done = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status();
        assert!(done.is_ok_and(|status| status.success()), "it is there");
    };
    signal("STOP");
    // Its value is out of date now, and nobody says so: its lease alone keeps it from being stored.
    numbers.set(Cell::Newest(0), 2);
    let backend = RedisBackend::builder(&server.url(0)).connect().await.expect("the server answers");
    let cache = KvCacheService::builder(Arc::new(backend)).build().expect("a valid prefix");
    let start = Instant::now();
    let mut filled_after = None;
    while start.elapsed() < Duration::from_secs(6) {
        let call = Instant::now();
        let loaded = cache.get_or_load("slow", 300, async || {
            Ok::<_, std::convert::Infallible>(numbers.get(Cell::Newest(0)))
        });
        assert_eq!(loaded.await, Ok(2));
        assert!(call.elapsed() < Duration::from_secs(2), "{:?}", call.elapsed());
        if cache.exists("slow").await.expect("it answers") {
            filled_after = Some(start.elapsed());
            break;
        }
    }
    println!("a process was stopped in a load: another could store after {filled_after:?}");
    assert!(filled_after.is_some(), "the lease of a stopped process ends");
    signal("CONT");
    let output = child.wait_with_output().expect("it ends");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("seen 1"), "it loaded what was there before: {text}");
    assert_eq!(cache.get::<u64>("slow").await.expect("it answers"), Some(2), "its value was not stored");
}
