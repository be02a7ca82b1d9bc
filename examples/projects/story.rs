//! The story that the program tells of the service, one step a function.

use std::future::Future;
use std::io::Write;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::db::DbError;
use crate::model::{Project, ProjectChange, ProjectSummary, Status};
use crate::report::{Report, Timed, count, minutes, time};
use crate::run::RunError;
use crate::seed::Size;
use crate::service::ProjectService;
use crate::traffic;

/// The project that most of the story is about.
const ID: u64 = 417;
/// An id that no project has.
const NO_ID: u64 = 999_999;
/// The `none_ttl` of the service's methods, and a little.
const NONE_TTL: Duration = Duration::from_millis(2_100);
/// How many keys of a pattern are listed.
const LISTED: usize = 4;

/// A service, and where to write what it does.
pub struct Story<'a, W> {
    pub service: &'a ProjectService,
    pub report: Report<'a, W>,
    pub size: Size,
}

impl<W: Write> Story<'_, W> {
    /// Tells all of it; the traffic is of `calls` calls.
    pub async fn tell(&mut self, calls: u32) -> Result<(), RunError> {
        self.second_call().await?;
        self.update().await?;
        self.listing().await?;
        self.slug().await?;
        self.crowd().await?;
        self.not_there().await?;
        self.traffic(calls).await?;
        self.keys().await
    }

    async fn second_call(&mut self) -> Result<(), RunError> {
        self.report.step(
            "The second call asks no database",
            r#"#[cached(key = "project:<id>", ttl = 300, none_ttl = 2)] get_project"#,
        )?;
        let project = self.read("get_project(417)", self.service.get_project(ID)).await?;
        self.read("get_project(417) again", self.service.get_project(ID)).await?;
        self.describe(project.as_ref())
    }

    async fn update(&mut self) -> Result<(), RunError> {
        self.report.step(
            "An update makes the cached copy stale, and the next read is fresh",
            r#"#[invalidates("project:<id>", "org:<ret.org_id>:projects")] update_project"#,
        )?;
        let change = ProjectChange { name: Some("Apollo (renamed)".to_owned()), ..ProjectChange::default() };
        self.write("update_project(417, …)", self.service.update_project(ID, change)).await?;
        let project = self.read("get_project(417)", self.service.get_project(ID)).await?;
        self.read("get_project(417) again", self.service.get_project(ID)).await?;
        self.describe(project.as_ref())
    }

    async fn listing(&mut self) -> Result<(), RunError> {
        self.report.step(
            "A listing goes stale by a key that only the result knows: <ret.org_id>",
            r#"#[cached(key = "org:<org_id>:projects", ttl = 60)] list_projects"#,
        )?;
        let org_id = self.service.get_project(ID).await?.map_or(1, |project| project.org_id);
        let list = format!("list_projects({org_id})");
        let before = self.read(&list, self.service.list_projects(org_id)).await?;
        self.read(&format!("{list} again"), self.service.list_projects(org_id)).await?;

        let is_done = |line: &&ProjectSummary| line.status == Status::Done;
        let id = before.iter().find(|line| line.id != ID && !is_done(line)).map_or(ID, |line| line.id);
        let change = ProjectChange { status: Some(Status::Done), ..ProjectChange::default() };
        self.write(&format!("update_project({id}, …)"), self.service.update_project(id, change)).await?;
        let after = self.read(&list, self.service.list_projects(org_id)).await?;

        let done = |lines: &[ProjectSummary]| lines.iter().filter(is_done).count();
        let (was, is) = (done(&before), done(&after));
        Ok(self.report.note(&format!("{was} of its {} projects were done, now {is}", before.len()))?)
    }

    async fn slug(&mut self) -> Result<(), RunError> {
        self.report.step(
            "A second way in: the slug leads to the id, the id to the one cached copy",
            r#"#[cached(key = "slug:<slug>", ttl = "1h", none_ttl = 2)] id_of_slug"#,
        )?;
        let slug = self.service.get_project(ID).await?.map_or_else(String::new, |project| project.slug);
        let label = format!("“{slug}”");
        self.read(&label, self.service.find_by_slug(&slug)).await?;
        self.read(&label, self.service.find_by_slug(&slug)).await?;
        let hostile = ProjectService::id_of_slug_key("*:projects");
        Ok(self
            .report
            .note(&format!("“*:projects” would be a pattern; as a slug it has the key {hostile}"))?)
    }

    async fn crowd(&mut self) -> Result<(), RunError> {
        self.report.step(
            "A hundred callers at once, and one load",
            "get_project(903), which nobody has asked for yet",
        )?;
        let (before, started) = (self.service.db.usage(), Instant::now());
        let mut callers = JoinSet::new();
        for _ in 0..100 {
            let service = self.service.clone();
            callers.spawn(async move { service.get_project(903).await });
        }
        while let Some(answer) = callers.join_next().await {
            answer??;
        }
        let database = self.service.db.usage().since(before);
        let timed = Timed { value: (), took: started.elapsed(), database };
        Ok(self.report.read("100 × get_project(903)", &timed)?)
    }

    async fn not_there(&mut self) -> Result<(), RunError> {
        self.report
            .step("That a project is not there is cached too, for a short time of its own", "none_ttl = 2")?;
        self.read("get_project(999999)", self.service.get_project(NO_ID)).await?;
        self.read("get_project(999999) again", self.service.get_project(NO_ID)).await?;
        tokio::time::sleep(NONE_TTL).await;
        self.read("get_project(999999) +2.1 s", self.service.get_project(NO_ID)).await?;
        Ok(())
    }

    async fn traffic(&mut self, calls: u32) -> Result<(), RunError> {
        self.report.step(
            &format!("{} calls, as visitors make them", count(calls)),
            "Zipf-distributed, one after another; nine in ten are get_project, one is list_projects",
        )?;
        let traffic = traffic::drive(self.service, calls, self.size).await?;
        let without = time(traffic.per_call_without().mul_f64(f64::from(calls)));
        let (database, median, sample) = (time(traffic.database.time), time(traffic.median), traffic.sample);
        let loads = traffic.database.queries;
        let before = if loads < traffic.keys { ", the others were there before" } else { "" };
        let keys = format!("for {} different keys{before}", count(traffic.keys));

        let report = &mut self.report;
        report.share("hits", traffic.hit_ratio())?;
        report.figure("loads", &count(loads), &keys)?;
        report.figure("in all", &time(traffic.took), &format!("of which database {database}"))?;
        report.figure("a call", &time(traffic.per_call()), &format!("half took {median} or less"))?;
        report.figure(
            "a call without the cache",
            &time(traffic.per_call_without()),
            &format!("measured on a sample of {sample} of them; all would take {without}"),
        )?;
        Ok(report.figure("speed-up", &format!("{:.1} ×", traffic.speed_up()), "misses included")?)
    }

    async fn keys(&mut self) -> Result<(), RunError> {
        self.report
            .step("What is in the cache now, and for how long", "cache.keys(pattern), cache.ttl(key)")?;
        for pattern in ["project:*", "org:*:projects", "slug:*"] {
            let mut keys = self.service.cache.keys(pattern).await?;
            keys.sort_by_key(|key| (key.len(), key.clone()));
            self.report.note(&format!("{:<15} {:>6}", pattern, count(keys.len())))?;
            for key in keys.iter().take(LISTED) {
                let left = match self.service.cache.ttl(key).await? {
                    Some(ttl) => ttl.as_duration().map_or_else(|| "for ever".to_owned(), minutes),
                    None => "just gone".to_owned(),
                };
                self.report.key(key, &left)?;
            }
            if keys.len() > LISTED {
                self.report.key("…", "")?;
            }
        }
        let all = self.service.cache.keys("*").await?.len();
        Ok(self.report.note(&format!("{:<15} {:>6}", "*", count(all)))?)
    }

    /// Awaits a call that reads, and reports what it took.
    async fn read<T>(
        &mut self,
        label: &str,
        call: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, RunError> {
        let timed = timed(self.service, call).await?;
        self.report.read(label, &timed)?;
        Ok(timed.value)
    }

    /// Awaits a call that writes, and reports what it took.
    async fn write<T>(
        &mut self,
        label: &str,
        call: impl Future<Output = Result<T, DbError>>,
    ) -> Result<T, RunError> {
        let timed = timed(self.service, call).await?;
        self.report.write(label, &timed)?;
        Ok(timed.value)
    }

    fn describe(&mut self, project: Option<&Project>) -> Result<(), RunError> {
        let Some(Project { name, organisation, due_on, tasks, open_tasks, minutes, team, .. }) = project
        else {
            return Ok(self.report.note("there is no such project")?);
        };
        let lead = team.first().map_or("nobody", |one| one.member.as_str());
        Ok(self.report.note(&format!(
            "“{name}” of {organisation}, due {due_on}: {tasks} tasks, {open_tasks} open, {} h; {lead} and {} more",
            minutes / 60,
            team.len().saturating_sub(1),
        ))?)
    }
}

async fn timed<T>(
    service: &ProjectService,
    call: impl Future<Output = Result<T, DbError>>,
) -> Result<Timed<T>, DbError> {
    let (before, started) = (service.db.usage(), Instant::now());
    let value = call.await?;
    let took = started.elapsed();
    Ok(Timed { value, took, database: service.db.usage().since(before) })
}
