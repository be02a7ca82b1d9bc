//! The story that the program tells, one step a function.

use std::future::Future;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_runtime::{CacheError, KvCacheService};

use crate::args::Args;
use crate::db::{Db, DbError};
use crate::model::{Project, ProjectChange, ProjectSummary, Status};
use crate::report::{Report, Timed, count, minutes, time};
use crate::seed::Size;
use crate::service::ProjectService;
use crate::traffic;

const SIZE: Size = Size { organisations: 40, projects: 1_200 };
/// The `none_ttl` of the service's methods, and a little.
const NONE_TTL: Duration = Duration::from_millis(2_100);

/// Why the program stopped.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("--backend: {0}")]
    Backend(#[source] CacheError),
    #[error("cache: {0}")]
    Cache(#[from] CacheError),
    #[error("database: {0}")]
    Db(#[from] DbError),
    #[error("output: {0}")]
    Output(#[from] io::Error),
}

/// Makes a database and a cache, and tells the story to `out`.
pub async fn run(args: &Args, colour: bool, out: &mut impl Write) -> Result<(), RunError> {
    let cache = connect(&args.backend).await.map_err(RunError::Backend)?;
    let started = Instant::now();
    let db = Db::seeded(2_026, SIZE).await?;
    let seeded = started.elapsed();
    let service = ProjectService { db, cache };

    let mut report = Report::new(out, colour);
    report.title("A project service on a real database, with its cache")?;
    let rows = format!(
        "{} organisations, {} projects, their tasks and time entries; seeded in {}",
        SIZE.organisations,
        count(SIZE.projects),
        time(seeded),
    );
    report.note(&format!("database   SQLite {}: {rows}", rusqlite::version()))?;
    report.note(&format!("cache      {}", args.backend))?;
    if cfg!(debug_assertions) {
        report.note(
            "build      debug; `--release` makes the hits several times faster, and the database too",
        )?;
    }

    second_call(&service, &mut report).await?;
    update(&service, &mut report).await?;
    listing(&service, &mut report).await?;
    slug(&service, &mut report).await?;
    not_there(&service, &mut report).await?;
    traffic(&service, args.calls, &mut report).await?;
    keys(&service, &mut report).await?;
    Ok(())
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

type Out<'a, 'b, W> = &'a mut Report<'b, W>;

async fn second_call<W: Write>(service: &ProjectService, report: Out<'_, '_, W>) -> Result<(), RunError> {
    report.step(
        "The second call asks no database",
        r#"#[cached(key = "project:<id>", ttl = 300, none_ttl = 2)] get_project"#,
    )?;
    let first = timed(service, service.get_project(417)).await?;
    report.read("get_project(417)", &first)?;
    report.read("get_project(417) again", &timed(service, service.get_project(417)).await?)?;
    report.note(&first.value.as_ref().map_or_else(not_found, describe))?;
    Ok(())
}

async fn update<W: Write>(service: &ProjectService, report: Out<'_, '_, W>) -> Result<(), RunError> {
    report.step(
        "An update makes the cached copy stale; the next read is fresh",
        r#"#[invalidates("project:<id>", "org:<ret.org_id>:projects")] update_project"#,
    )?;
    let change = ProjectChange { name: Some("Apollo (renamed)".to_owned()), ..ProjectChange::default() };
    report.write("update_project(417, …)", &timed(service, service.update_project(417, change)).await?)?;
    let fresh = timed(service, service.get_project(417)).await?;
    report.read("get_project(417)", &fresh)?;
    report.read("get_project(417) again", &timed(service, service.get_project(417)).await?)?;
    report.note(&fresh.value.as_ref().map_or_else(not_found, describe))?;
    Ok(())
}

async fn listing<W: Write>(service: &ProjectService, report: Out<'_, '_, W>) -> Result<(), RunError> {
    report.step(
        "A listing goes stale by a key that only the result knows: <ret.org_id>",
        r#"#[cached(key = "org:<org_id>:projects", ttl = 60)] list_projects"#,
    )?;
    let org_id = service.get_project(417).await?.map_or(1, |project| project.org_id);
    let listed = timed(service, service.list_projects(org_id)).await?;
    report.read(&format!("list_projects({org_id})"), &listed)?;
    let again = timed(service, service.list_projects(org_id)).await?;
    report.read(&format!("list_projects({org_id}) again"), &again)?;

    let is_done = |line: &&ProjectSummary| line.status == Status::Done;
    let id = listed.value.iter().find(|line| line.id != 417 && !is_done(line)).map_or(417, |line| line.id);
    let change = ProjectChange { status: Some(Status::Done), ..ProjectChange::default() };
    let updated = timed(service, service.update_project(id, change)).await?;
    report.write(&format!("update_project({id}, …)"), &updated)?;
    let fresh = timed(service, service.list_projects(org_id)).await?;
    report.read(&format!("list_projects({org_id})"), &fresh)?;

    let done = |lines: &[ProjectSummary]| lines.iter().filter(is_done).count();
    report.note(&format!(
        "{} of its {} projects were done, now {}",
        done(&listed.value),
        listed.value.len(),
        done(&fresh.value)
    ))?;
    Ok(())
}

async fn slug<W: Write>(service: &ProjectService, report: Out<'_, '_, W>) -> Result<(), RunError> {
    report.step(
        "A second way in: the slug leads to the id, the id to the one cached copy",
        r#"#[cached(key = "slug:<slug>", ttl = "1h", none_ttl = 2)] id_of_slug"#,
    )?;
    let slug = service.get_project(417).await?.map_or_else(String::new, |project| project.slug);
    let label = format!("“{slug}”");
    let first = timed(service, service.find_by_slug(&slug)).await?;
    report.read(&label, &first)?;
    report.read(&label, &timed(service, service.find_by_slug(&slug)).await?)?;
    let hostile = ProjectService::id_of_slug_key("*:projects");
    report.note(&format!("a slug that would be a pattern, “*:projects”, has a key of its own: {hostile}"))?;
    Ok(())
}

async fn not_there<W: Write>(service: &ProjectService, report: Out<'_, '_, W>) -> Result<(), RunError> {
    report.step(
        "That a project is not there is kept too, for its own short time",
        "none_ttl = 2: what is not there now may be there soon",
    )?;
    report.read("get_project(999999)", &timed(service, service.get_project(999_999)).await?)?;
    report.read("get_project(999999) again", &timed(service, service.get_project(999_999)).await?)?;
    tokio::time::sleep(NONE_TTL).await;
    let label = format!("{} later", time(NONE_TTL));
    report.read(&label, &timed(service, service.get_project(999_999)).await?)?;
    Ok(())
}

async fn traffic<W: Write>(
    service: &ProjectService,
    calls: u32,
    report: Out<'_, '_, W>,
) -> Result<(), RunError> {
    report.step(
        &format!("{} calls, as visitors make them", count(calls)),
        "Zipf-distributed, one after another; nine in ten are get_project, one is list_projects",
    )?;
    let traffic = traffic::drive(service, calls, SIZE).await?;
    let total = traffic.per_call_without().mul_f64(f64::from(calls));
    report.share("hits", &format!("{:.1} %", traffic.hit_ratio() * 100.0), traffic.hit_ratio())?;
    report.figure(
        "loads",
        count(traffic.database.queries),
        &format!("for {} different keys; some were cached before", count(traffic.keys)),
    )?;
    report.figure(
        "in all",
        time(traffic.took),
        &format!("of which database {}", time(traffic.database.time)),
    )?;
    report.figure(
        "a call",
        time(traffic.per_call()),
        &format!("half took {} or less", time(traffic.median)),
    )?;
    report.figure(
        "a call without cache",
        time(traffic.per_call_without()),
        &format!("measured on {} of the same calls; all of them would take {}", traffic.sample, time(total)),
    )?;
    report.figure("speed-up", format!("{:.1} ×", traffic.speed_up()), "misses included")?;
    Ok(())
}

async fn keys<W: Write>(service: &ProjectService, report: Out<'_, '_, W>) -> Result<(), RunError> {
    report.step("What is in the cache", r#"cache.keys("…") and cache.ttl(key)"#)?;
    for pattern in ["project:*", "org:*:projects", "slug:*"] {
        let mut keys = service.cache.keys(pattern).await?;
        keys.sort_by_key(|key| (key.len(), key.clone()));
        report.note(&format!("{} match {pattern}", count(keys.len())))?;
        for key in keys.iter().take(4) {
            let left = match service.cache.ttl(key).await? {
                Some(ttl) => ttl.as_duration().map_or_else(|| "for ever".to_owned(), minutes),
                None => "just gone".to_owned(),
            };
            report.key(key, &left)?;
        }
        if keys.len() > 4 {
            report.key(&format!("… {} more", count(keys.len() - 4)), "")?;
        }
    }
    report.note(&format!(
        "{} in all, and the “not there” of 999999",
        count(service.cache.keys("*").await?.len())
    ))?;
    Ok(())
}

/// Awaits a call, and measures it and the database.
async fn timed<T, E>(
    service: &ProjectService,
    call: impl Future<Output = Result<T, E>>,
) -> Result<Timed<T>, E> {
    let (before, started) = (service.db.usage(), Instant::now());
    let value = call.await?;
    let took = started.elapsed();
    Ok(Timed { value, took, database: service.db.usage().since(before) })
}

fn not_found() -> String {
    "not found".to_owned()
}

fn describe(project: &Project) -> String {
    let lead = project.team.first().map_or("nobody", |one| one.member.as_str());
    format!(
        "“{}” of {}, due {}: {} tasks, {} open, {} h; {} and {} more",
        project.name,
        project.organisation,
        project.due_on,
        project.tasks,
        project.open_tasks,
        project.minutes / 60,
        lead,
        project.team.len().saturating_sub(1),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_whole_story_can_be_told() -> Result<(), RunError> {
        let mut out = Vec::new();
        run(&Args { calls: 300, ..Args::default() }, false, &mut out).await?;
        let text = String::from_utf8_lossy(&out);
        let lines = |start: &str| -> Vec<&str> {
            let lines = text.lines().filter(|line| line.trim_start().starts_with(start));
            lines.map(|line| line.split("  in ").next().unwrap_or_default()).collect()
        };
        let hits = lines("get_project(417) again");
        assert!(
            hits.len() == 2 && hits.iter().all(|line| line.contains("hit    database not asked")),
            "{text}"
        );
        assert!(lines("2.10 s later")[0].contains("miss   database asked   1 ×"), "{text}");
        Ok(())
    }

    #[tokio::test]
    async fn an_unknown_backend_is_an_error_of_the_command_line() {
        let args = Args { backend: "carrier-pigeon://loft".to_owned(), ..Args::default() };
        let error = run(&args, false, &mut Vec::new()).await;
        assert!(matches!(error, Err(RunError::Backend(CacheError::Configuration(_)))), "{error:?}");
    }
}
