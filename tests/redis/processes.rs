//! Several processes before one server, each with a local tier: the test's own program, started again as readers that
//! judge what they read, while the test writes and stops some of them.
//!
//! What they share is a file: the newest version of the source, and for each version when its write returned.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use cache_runtime::{KvCacheService, LocalTier, RedisBackend, cached, invalidates};

use crate::proxy::{Mode, Proxy};
use crate::server::{Kind, Server};

/// How long a process is stopped.
const STOPPED: Duration = Duration::from_millis(2_500);
const BOUND: Duration = Duration::from_millis(400);
/// What tells a child that it is one, and where to.
const URL: &str = "CACHE_READER_URL";
const SOURCE: &str = "CACHE_READER_SOURCE";

/// The shared file: the newest version, the newest that returned, then when each version's write did.
struct Source(File);

impl Source {
    fn open(path: &Path) -> Self {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(path);
        Self(file.expect("the file can be opened"))
    }

    fn read(&self, place: u64) -> u64 {
        let mut bytes = [0; 8];
        // Nothing is there yet: 0.
        let _ = self.0.read_at(&mut bytes, place * 8).expect("the file can be read");
        u64::from_ne_bytes(bytes)
    }

    fn write(&self, place: u64, value: u64) {
        self.0.write_all_at(&value.to_ne_bytes(), place * 8).expect("the file can be written");
    }

    fn newest(&self) -> u64 {
        self.read(0)
    }

    fn returned(&self, version: u64) {
        self.write(2 + version, micros());
        self.write(1, version);
    }

    /// How long the version has been out of date, in microseconds.
    fn age(&self, version: u64, now: u64) -> u64 {
        now.saturating_sub(self.read(2 + version + 1))
    }
}

fn micros() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970");
    u64::try_from(now.as_micros()).expect("it is early enough")
}

struct Process {
    cache: KvCacheService,
    source: Arc<Source>,
}

impl Process {
    async fn at(url: &str, source: Source) -> Self {
        let builder = RedisBackend::builder(url).connect_timeout(Duration::from_secs(20));
        let backend = builder.connect().await.expect("the server answers");
        let cache = KvCacheService::builder(Arc::new(backend)).local_tier(LocalTier::new(100));
        Self { cache: cache.build().expect("it is pushed to"), source: Arc::new(source) }
    }

    #[cached(key = "version", ttl = 300)]
    async fn version(&self) -> u64 {
        self.source.newest()
    }

    #[invalidates("version")]
    async fn change(&self) -> u64 {
        let version = self.source.newest() + 1;
        self.source.write(0, version);
        version
    }

    #[invalidates("version", sync)]
    async fn change_for_all(&self) -> u64 {
        let version = self.source.newest() + 1;
        self.source.write(0, version);
        version
    }
}

/// What a reader has seen.
#[derive(Debug, Default, Clone, Copy)]
struct Seen {
    reads: u64,
    stale: u64,
    /// Of the stale ones, the longest that one was out of date when its read began, in microseconds.
    worst: u64,
}

/// A reader: reads until its input ends, and reports whenever it gets a line.
async fn read_and_judge(url: &str, source: &Path) {
    let process = Process::at(url, Source::open(source)).await;
    let (told, mut lines) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(_) = line.map(|line| told.send(line)) else { return };
        }
    });
    let mut seen = Seen::default();
    let mut longest_pause = Duration::ZERO;
    let mut previous = Instant::now();
    println!("@ready");
    loop {
        match lines.try_recv() {
            Ok(_) => {
                println!("@{} {} {} {}", seen.reads, seen.stale, seen.worst, longest_pause.as_millis());
                (seen, longest_pause) = (Seen::default(), Duration::ZERO);
            }
            Err(tokio::sync::mpsc::error::TryRecvError::Empty) => {}
            Err(_) => return,
        }
        for _ in 0..16 {
            longest_pause = longest_pause.max(previous.elapsed());
            previous = Instant::now();
            // What has returned by now is the least that may be read.
            let (least, began) = (process.source.read(1), micros());
            let version = process.version().await;
            seen.reads += 1;
            if version < least {
                seen.stale += 1;
                seen.worst = seen.worst.max(process.source.age(version, began));
            }
        }
        // All of them share two cores with the one who writes.
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

/// A child process that reads.
struct Reader {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Reader {
    fn start(test: &str, url: &str, source: &Path) -> Self {
        let program = std::env::current_exe().expect("it has a path");
        let mut command = Command::new(program);
        command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
        command.env(URL, url).env(SOURCE, source).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("it runs again");
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut reader = Self { child, input, output };
        reader.line();
        reader
    }

    /// The next line that is meant for the test.
    fn line(&mut self) -> String {
        loop {
            let mut line = String::new();
            let length = self.output.read_line(&mut line).expect("it can be read");
            assert!(length > 0, "the reader has ended");
            // The test runner's own line may come before.
            if let Some((_, line)) = line.split_once('@') {
                return line.trim().to_owned();
            }
        }
    }

    /// What it has seen since the last report, and its longest pause in milliseconds.
    fn report(&mut self) -> (Seen, u64) {
        use std::io::Write;
        let input = self.input.as_mut().expect("it is piped");
        input.write_all(b"report\n").expect("it listens");
        let line = self.line();
        let numbers: Vec<u64> = line.split(' ').map(|number| number.parse().expect("a number")).collect();
        let [reads, stale, worst, pause] = numbers[..] else { panic!("another report: {line}") };
        (Seen { reads, stale, worst }, pause)
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let done = Command::new("kill").arg(format!("-{name}")).arg(pid).status();
        assert!(done.is_ok_and(|status| status.success()));
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // It ends with its input, but not while it is stopped.
        self.input.take();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a child does in the place of the test that started it; `true` if this is one.
async fn is_reader() -> bool {
    let (Ok(url), Some(source)) = (std::env::var(URL), std::env::var_os(SOURCE)) else { return false };
    read_and_judge(&url, Path::new(&source)).await;
    true
}

struct World {
    readers: Vec<Reader>,
    writer: Process,
    proxy: Proxy,
    _server: Server,
    _directory: tempfile::TempDir,
}

/// Four readers, the last of which hears by the proxy, and a writer.
async fn world(test: &str) -> Option<World> {
    let server = Server::start(Kind::Redis, &[])?;
    let proxy = Proxy::before(server.port).await;
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let path = directory.path().join("source");
    let writer = Process::at(&server.url(0), Source::open(&path)).await;
    writer.source.write(0, 1);
    let mut readers = Vec::new();
    for number in 0..4 {
        let url = if number == 3 { proxy.url(0) } else { server.url(0) };
        let (test, path) = (test.to_owned(), path.clone());
        // It waits for the child, which waits for the proxy.
        let started = tokio::task::spawn_blocking(move || Reader::start(&test, &url, &path));
        readers.push(started.await.expect("it starts"));
    }
    Some(World { readers, writer, proxy, _server: server, _directory: directory })
}

impl World {
    /// Writes for a while; how long the writes took, at the longest.
    async fn write_for(&self, length: Duration, is_sync: bool) -> Duration {
        let (start, mut longest) = (Instant::now(), Duration::ZERO);
        while start.elapsed() < length {
            let began = Instant::now();
            let writer = &self.writer;
            let version = if is_sync { writer.change_for_all().await } else { writer.change().await };
            writer.source.returned(version);
            longest = longest.max(began.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        longest
    }

    fn reports(&mut self) -> Vec<(Seen, u64)> {
        self.readers.iter_mut().map(Reader::report).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn synchronous_writes_leave_no_process_behind_that_is_deaf_or_stopped() {
    if is_reader().await {
        return;
    }
    let name = "processes::synchronous_writes_leave_no_process_behind_that_is_deaf_or_stopped";
    let Some(mut world) = world(name).await else { return };
    let calm = world.write_for(Duration::from_secs(1), true).await;
    world.proxy.set_pushes(Mode::Swallow);
    let with_a_deaf_one = world.write_for(Duration::from_secs(2), true).await;
    world.proxy.set_pushes(Mode::Pass);
    world.readers[0].signal("STOP");
    let with_a_stopped_one = world.write_for(STOPPED, true).await;
    world.readers[0].signal("CONT");
    let after = world.write_for(Duration::from_secs(1), true).await;
    println!(
        "a synchronous write took at most {calm:?}; {with_a_deaf_one:?} with a deaf process, \
         {with_a_stopped_one:?} with a stopped one, {after:?} after it went on"
    );
    for (number, (seen, pause)) in world.reports().into_iter().enumerate() {
        println!("process {number}: {seen:?}, longest pause {pause} ms");
        assert_eq!(seen.stale, 0);
        assert!(seen.reads > 1_000);
        assert!(number != 0 || pause >= 2_000, "it was not stopped");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_stopped_serves_nothing_from_before_when_it_goes_on() {
    if is_reader().await {
        return;
    }
    let name = "processes::a_process_that_was_stopped_serves_nothing_from_before_when_it_goes_on";
    let Some(mut world) = world(name).await else { return };
    world.write_for(Duration::from_millis(500), false).await;
    for _ in 0..2 {
        // Let it hold the value.
        tokio::time::sleep(Duration::from_millis(200)).await;
        world.reports();
        world.readers[0].signal("STOP");
        world.write_for(STOPPED, false).await;
        // Older than this no value is that the others serve.
        tokio::time::sleep(BOUND).await;
        world.readers[0].signal("CONT");
        tokio::time::sleep(Duration::from_millis(300)).await;
        let reports = world.reports();
        let (seen, pause) = reports[0];
        println!("the one that was stopped: {seen:?}, longest pause {pause} ms");
        assert!(pause >= 2_000 && seen.reads > 100, "{seen:?}");
        assert_eq!(seen.stale, 0);
        for (seen, _) in &reports[1..] {
            println!("another one: {seen:?}");
            assert!(seen.worst < 1_000_000, "{seen:?}");
        }
    }
}
