//! Puts the parts together: a database, a cache, the service over both, and the story told of it.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use cache_runtime::{CacheError, KvCacheService, LocalTier};

use crate::args::Args;
use crate::db::{Db, DbError};
use crate::report::{Report, count, time};
use crate::seed::Size;
use crate::service::ProjectService;
use crate::story::Story;
use crate::watch;

const SIZE: Size = Size { organisations: 40, projects: 1_200 };

/// Why the program stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("--backend")]
    Backend(#[source] CacheError),
    #[error("the cache failed")]
    Cache(#[from] CacheError),
    #[error("a query failed")]
    Db(#[from] DbError),
    #[error("a caller panicked")]
    Caller(#[from] tokio::task::JoinError),
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
}

/// Makes a database and a cache, and tells the story to `out`.
pub async fn run(args: &Args, colour: bool, out: &mut impl Write) -> Result<(), RunError> {
    if args.watch {
        let cache = connect(&args.backend).await.map_err(RunError::Backend)?;
        return watch::watch(cache, Report::new(out, colour), &args.backend).await;
    }
    let cache = connect(&args.backend).await.map_err(RunError::Backend)?;
    // What an earlier run left.
    cache.clear().await?;
    let started = Instant::now();
    let db = Db::seeded(2_026, SIZE).await?;
    let seeded = time(started.elapsed());
    let service = ProjectService { db, cache };

    let mut report = Report::new(out, colour);
    report.title("A project service on a real database, with its cache")?;
    let (sqlite, projects) = (rusqlite::version(), count(SIZE.projects));
    report.note(&format!(
        "database   SQLite {sqlite}: {} organisations, {projects} projects, their tasks and hours; seeded in {seeded}",
        SIZE.organisations,
    ))?;
    report.note(&format!(
        "cache      {}, prefix {}",
        service.cache.backend().name(),
        service.cache.prefix()
    ))?;
    if cfg!(debug_assertions) {
        report.note(
            "build      debug; with `--release`, hits take a fraction of these times, and misses half",
        )?;
    }
    if args.backend == "memory" {
        return Story { service: &service, report, size: SIZE }.tell(args.calls).await;
    }
    watch::announce(&service).await?;
    let mut story = Story { service: &service, report, size: SIZE };
    story.tell(args.calls).await?;
    watch::show(&service, &mut story.report, &args.backend).await?;
    watch::leave(&service).await
}

/// The cache at `backend`.
async fn connect(backend: &str) -> Result<KvCacheService, CacheError> {
    if backend == "memory" {
        return Ok(KvCacheService::in_memory());
    }
    let there = KvCacheService::connect(backend).await?;
    // A prefix of its own, so that what an earlier run left can go and nothing else.
    let cache = KvCacheService::builder(Arc::clone(there.backend())).prefix("example-projects");
    // Reads are hits of this process's memory, where the backend tells it of others' changes.
    let pushes = there.backend().capabilities().pushes;
    if pushes { cache.local_tier(LocalTier::new(10_000)).build() } else { cache.build() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_whole_story_can_be_told() -> Result<(), RunError> {
        let mut out = Vec::new();
        run(&Args { calls: 300, ..Args::default() }, false, &mut out).await?;

        let text = String::from_utf8_lossy(&out);
        let verdicts = |call: &str| -> Vec<&str> {
            let lines = text.lines().filter_map(|line| line.trim().strip_prefix(call));
            lines
                .filter_map(|line| line.split_whitespace().find(|word| ["hit", "miss"].contains(word)))
                .collect()
        };
        assert_eq!(verdicts("get_project(417) "), ["miss", "hit", "miss", "hit"], "{text}");
        assert_eq!(verdicts("get_project(999999) "), ["miss", "hit", "miss"], "{text}");
        assert_eq!(verdicts("100 × get_project(903) "), ["miss"], "{text}");
        assert!(text.contains("“Apollo (renamed)”"), "{text}");
        Ok(())
    }

    #[tokio::test]
    async fn an_unknown_backend_is_an_error_of_the_command_line() {
        let args = Args { backend: "carrier-pigeon://loft".to_owned(), ..Args::default() };
        let error = run(&args, false, &mut Vec::new()).await;
        assert!(matches!(error, Err(RunError::Backend(CacheError::Configuration(_)))), "{error:?}");
    }

    /// A server of the test's own; `None`, and a line that says so, where it is not installed.
    struct Server(std::process::Child, u16);

    impl Server {
        async fn start() -> Option<Self> {
            let port = std::net::TcpListener::bind(("127.0.0.1", 0)).ok()?.local_addr().ok()?.port();
            let mut command = std::process::Command::new("redis-server");
            command.args([
                "--port",
                &port.to_string(),
                "--bind",
                "127.0.0.1",
                "--save",
                "",
                "--appendonly",
                "no",
            ]);
            let Ok(child) = command.stdout(std::process::Stdio::null()).spawn() else {
                println!("skipped: redis-server is not installed");
                return None;
            };
            let server = Self(child, port);
            while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            Some(server)
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn on_redis_the_story_is_told_and_a_second_copy_sees_each_update() -> Result<(), RunError> {
        let Some(server) = Server::start().await else { return Ok(()) };
        let backend = format!("redis://127.0.0.1:{}", server.1);
        let second = Args { backend: backend.clone(), watch: true, ..Args::default() };
        let second = tokio::spawn(async move {
            let mut out = Vec::new();
            run(&second, false, &mut out).await.map(|()| out)
        });
        let mut out = Vec::new();
        run(&Args { backend, calls: 300, ..Args::default() }, false, &mut out).await?;

        let text = String::from_utf8_lossy(&out);
        assert!(text.contains("“Apollo (renamed)”"), "{text}");
        for number in 1..=10 {
            assert!(text.contains(&format!("“Apollo {number}” was seen")), "{text}");
        }
        let watched = second.await??;
        let watched = String::from_utf8_lossy(&watched);
        for name in ["Apollo (renamed)", "Apollo 1\n", "Apollo 10\n", "reads; the database was asked"] {
            assert!(watched.contains(name), "{watched}");
        }
        Ok(())
    }
}
