//! Puts the parts together: a database, a cache, the service over both, and the story told of it.

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use cache_runtime::{CacheError, KvCacheService};

use crate::args::Args;
use crate::db::{Db, DbError};
use crate::report::{Report, count, time};
use crate::seed::Size;
use crate::service::ProjectService;
use crate::story::Story;

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
    let cache = connect(&args.backend).await.map_err(RunError::Backend)?;
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
    Story { service: &service, report, size: SIZE }.tell(args.calls).await
}

/// The cache at `backend`, empty.
async fn connect(backend: &str) -> Result<KvCacheService, CacheError> {
    if backend == "memory" {
        return Ok(KvCacheService::in_memory());
    }
    let there = KvCacheService::connect(backend).await?;
    // A prefix of its own, so that what an earlier run left can go and nothing else.
    let cache = KvCacheService::builder(Arc::clone(there.backend())).prefix("example-projects").build()?;
    cache.clear().await?;
    Ok(cache)
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
}
