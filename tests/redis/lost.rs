//! No invalidation is lost: the line is cut, or the server killed, between every two messages of a write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_runtime::{CacheError, KvCacheService, RedisBackend, cached, invalidates, updates};

use crate::proxy::Proxy;
use crate::server::{Kind, Server};

/// What may go wrong at a message.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Cut {
    /// The line is cut, and nobody is connected until it is mended.
    Line,
    /// The server is killed, and starts again with what it had saved: the old value.
    Server,
}

/// How a row is written.
#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Available,
    Strict,
    ByResult,
    Updates,
}

#[derive(Debug)]
enum Failure {
    Cache,
}

impl From<CacheError> for Failure {
    fn from(_: CacheError) -> Self {
        Self::Cache
    }
}

struct Written {
    id: u64,
}

/// One process.
#[derive(Clone)]
struct Process {
    cache: KvCacheService,
    source: Arc<AtomicU64>,
    began: Arc<AtomicBool>,
}

impl Process {
    async fn connect(url: &str, source: &Arc<AtomicU64>) -> Self {
        let limit = Duration::from_millis(300);
        let backend = RedisBackend::builder(url).connect_timeout(limit).command_timeout(limit);
        let backend = backend.connect().await.expect("the server answers");
        let cache = KvCacheService::builder(Arc::new(backend)).lease_wait(limit).build();
        let (cache, source) = (cache.expect("a valid prefix"), Arc::clone(source));
        Self { cache, source, began: Arc::default() }
    }

    #[cached(key = "row:<id>", ttl = 300)]
    async fn row(&self, id: u64) -> Result<u64, Failure> {
        let _ = id;
        Ok(self.source.load(Ordering::SeqCst))
    }

    fn commit(&self) -> u64 {
        self.began.store(true, Ordering::SeqCst);
        self.source.fetch_add(1, Ordering::SeqCst) + 1
    }

    #[invalidates("row:<id>")]
    async fn change(&self, id: u64) -> Result<(), Failure> {
        let _ = id;
        self.commit();
        Ok(())
    }

    #[invalidates("row:<id>", strict)]
    async fn change_strictly(&self, id: u64) -> Result<(), Failure> {
        let _ = id;
        self.commit();
        Ok(())
    }

    #[invalidates("row:<ret.id>")]
    async fn change_by_result(&self, id: u64) -> Result<Written, Failure> {
        self.commit();
        Ok(Written { id })
    }

    #[updates("row:<id>")]
    async fn replace(&self, id: u64) -> Result<u64, Failure> {
        let _ = id;
        Ok(self.commit())
    }

    async fn write(&self, how: How, id: u64) -> Result<(), Failure> {
        match how {
            How::Available => self.change(id).await,
            How::Strict => self.change_strictly(id).await,
            How::ByResult => self.change_by_result(id).await.map(drop),
            How::Updates => self.replace(id).await.map(drop),
        }
    }
}

/// Cuts at the message of this number; returns whether the write got so far.
async fn cut_at(message: usize, cut: Cut, how: How, server: &Server) -> bool {
    let proxy = Proxy::before(server.port).await;
    let source = Arc::new(AtomicU64::new(1));
    let (writer, other) =
        (Process::connect(&proxy.url(0), &source).await, Process::connect(&server.url(0), &source).await);
    let id = u64::try_from(message).expect("it is small");
    let what = format!("{how:?}, {cut:?} cut at message {message}");
    let read = async |process: &Process| process.row(id).await.expect("no load fails");
    writer.cache.delete(Process::row_key(id)).await.expect("the server answers");
    // Both read it, and so it is in the cache.
    assert_eq!((read(&writer).await, read(&other).await), (1, 1), "{what}");
    let mut client = server.client(0).await;
    redis::cmd("SAVE").exec_async(&mut client).await.expect("the dump is written");

    proxy.cut_after(message);
    let start = Instant::now();
    let written = {
        let write = writer.write(how, id);
        let killed = async {
            if cut == Cut::Server {
                proxy.is_cut().await;
                server.kill();
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            written = write => written,
            () = killed => unreachable!("it is pending"),
        }
    };
    let took = start.elapsed();
    assert!(took < Duration::from_secs(6), "{what}: {took:?}");
    let was_cut = proxy.was_cut();
    let now = source.load(Ordering::SeqCst);
    if how == How::Strict && written.is_err() {
        assert!(!writer.began.load(Ordering::SeqCst), "{what}: refused, and the body ran");
        assert_eq!(now, 1, "{what}");
    } else {
        written.expect("the write goes on");
        assert_eq!(now, 2, "{what}");
    }
    // This process serves nothing older, connected or not.
    let pending = writer.cache.pending_invalidations();
    assert_eq!(read(&writer).await, now, "{what}: the writer's own process reads");
    if cut == Cut::Server && was_cut {
        server.restart();
    }
    proxy.mend();
    let start = Instant::now();
    while writer.cache.pending_invalidations() > 0 {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: the invalidation is never done");
        assert_eq!(read(&writer).await, now, "{what}: while it waits");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("{what}: cut {was_cut}, took {took:?}, {pending} waited, done {:?} later", start.elapsed());
    // The other may have lost its connection with the server.
    let start = Instant::now();
    while other.cache.exists("any").await.is_err() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: the server does not answer");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    for _ in 0..3 {
        assert_eq!((read(&other).await, read(&writer).await), (now, now), "{what}: afterwards");
    }
    was_cut
}

async fn cut_everywhere(cut: Cut, how: How) {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let mut points = 0;
    for message in 1.. {
        if !cut_at(message, cut, how, &server).await {
            break;
        }
        points += 1;
    }
    println!("{how:?}, {cut:?}: cut at {points} messages, nothing older was read");
    let least = if how == How::ByResult { 2 } else { 4 };
    assert!(points >= least, "a question and an answer for each step of a write: {points}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_line_cut_between_any_two_messages_of_a_write_loses_no_invalidation() {
    for how in [How::Available, How::ByResult, How::Updates] {
        cut_everywhere(Cut::Line, how).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_between_any_two_messages_of_a_write_loses_no_invalidation() {
    for how in [How::Available, How::ByResult, How::Updates] {
        cut_everywhere(Cut::Server, how).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_strict_write_is_refused_before_its_body_or_loses_no_invalidation() {
    cut_everywhere(Cut::Line, How::Strict).await;
    cut_everywhere(Cut::Server, How::Strict).await;
}
