//! A second copy of the program, which sees the first one's updates at once: `--watch`.
//!
//! The two meet in the cache. The first leaves the path of its database there, and takes it away at its end; the second
//! says which name of the project it saw last.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::db::Db;
use crate::model::ProjectChange;
use crate::report::{Report, time};
use crate::run::RunError;
use crate::service::ProjectService;
use cache_runtime::KvCacheService;

/// The project that is watched.
const ID: u64 = 417;
/// Where the first copy says where its database is.
const DATABASE: &str = "watch:database";
/// Where the second says what it saw.
const SEEN: &str = "watch:seen";
/// How long the two believe in each other without a word.
const SILENCE: Duration = Duration::from_secs(60);
/// How often the second copy reads; it may do so often, since its reads are hits of its own memory.
const PAUSE: Duration = Duration::from_millis(1);
/// How many updates are shown.
const UPDATES: u32 = 10;

/// Lets a second copy know where the database is.
pub async fn announce(service: &ProjectService) -> Result<(), RunError> {
    let path = service.db.path().to_string_lossy().into_owned();
    let _ = service.cache.set(DATABASE, &path, SILENCE).await?;
    Ok(())
}

/// Says that this copy ends.
pub async fn leave(service: &ProjectService) -> Result<(), RunError> {
    service.cache.delete(DATABASE).await?;
    Ok(())
}

/// Changes the project again and again, and reports how soon the second copy saw it; tells how to start one where there is
/// none.
pub async fn show<W: Write>(
    service: &ProjectService,
    report: &mut Report<'_, W>,
    backend: &str,
) -> Result<(), RunError> {
    report.step("A second copy of the program sees each update at once", "--watch, with a LocalTier")?;
    if seen(service).await?.is_none() {
        let note = format!(
            "none runs; start one before this: cargo run --example projects -- --backend {backend} --watch"
        );
        return Ok(report.note(&note)?);
    }
    for number in 1..=UPDATES {
        let name = format!("Apollo {number}");
        let change = ProjectChange { name: Some(name.clone()), ..ProjectChange::default() };
        service.update_project(ID, change).await?;
        let started = Instant::now();
        while seen(service).await?.as_deref() != Some(&name) {
            if started.elapsed() > Duration::from_secs(5) {
                return Ok(report.note("it does not answer any more")?);
            }
            tokio::time::sleep(PAUSE / 4).await;
        }
        report.note(&format!("“{name}” was seen, and its word was back, in {}", time(started.elapsed())))?;
    }
    Ok(())
}

async fn seen(service: &ProjectService) -> Result<Option<String>, RunError> {
    Ok(service.cache.get::<String>(SEEN).await?)
}

/// Is the second copy: waits for a first one, then prints each change of the project until that ends.
pub async fn watch<W: Write>(
    cache: KvCacheService,
    mut report: Report<'_, W>,
    backend: &str,
) -> Result<(), RunError> {
    report.title(&format!("Watching project {ID} of another copy"))?;
    report.note(&format!("waiting for: cargo run --example projects -- --backend {backend}"))?;
    let db = loop {
        let path = cache.get::<String>(DATABASE).await?;
        // Of a copy that was killed the path may be left.
        if let Some(path) = path.filter(|path| Path::new(path).exists()) {
            break Db::open(Path::new(&path)).await?;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let service = ProjectService { db, cache };
    let (mut last, mut reads, started) = (String::new(), 0_u64, Instant::now());
    let mut asked = Instant::now();
    loop {
        let name = service.get_project(ID).await?.map(|project| project.name).unwrap_or_default();
        reads += 1;
        if name != last {
            report.note(&format!("after {:>8}  {name}", time(started.elapsed())))?;
            let _ = service.cache.set(SEEN, &name, SILENCE).await?;
            last = name;
        }
        if asked.elapsed() > Duration::from_millis(50) {
            asked = Instant::now();
            if !service.cache.exists(DATABASE).await? {
                break;
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
    service.cache.delete(SEEN).await?;
    let queries = service.db.usage().queries;
    Ok(report.note(&format!("{reads} reads; the database was asked {queries} times by this copy"))?)
}
