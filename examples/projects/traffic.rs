//! Many calls, as visitors make them: with the cache, and a sample of them without.

use std::time::{Duration, Instant};

use fastrand::Rng;

use crate::db::{DbError, Usage};
use crate::seed::Size;
use crate::service::ProjectService;
use crate::zipf::Zipf;

/// How many of the calls are made without the cache too.
const SAMPLE: usize = 500;

/// What a visitor looks at.
#[derive(Clone, Copy)]
enum Call {
    Project(u64),
    Listing(u64),
}

/// What many calls came to.
pub struct Traffic {
    pub calls: usize,
    /// How many different keys they are about.
    pub keys: u64,
    pub took: Duration,
    pub database: Usage,
    /// In this time or less, half of the calls were done.
    pub median: Duration,
    pub sample: usize,
    /// How long the sampled calls took without the cache.
    pub sample_took: Duration,
}

impl Traffic {
    /// How many calls asked no database, of 1.
    pub fn hit_ratio(&self) -> f64 {
        1.0 - ratio(self.database.queries, self.calls)
    }

    pub fn per_call(&self) -> Duration {
        self.took.div_f64(ratio(self.calls, 1_u64))
    }

    pub fn per_call_without(&self) -> Duration {
        self.sample_took.div_f64(ratio(self.sample, 1_u64))
    }

    pub fn speed_up(&self) -> f64 {
        self.per_call_without().as_secs_f64() / self.per_call().as_secs_f64()
    }
}

/// Makes `calls` calls one after another: nine in ten open a project, one in ten a listing.
pub async fn drive(service: &ProjectService, calls: u32, size: Size) -> Result<Traffic, DbError> {
    let plan = plan(calls, size);
    let mut times = Vec::with_capacity(plan.len());

    let (before, started) = (service.db.usage(), Instant::now());
    let mut last = started;
    for call in &plan {
        match *call {
            Call::Project(id) => drop(service.get_project(id).await?),
            Call::Listing(org_id) => drop(service.list_projects(org_id).await?),
        }
        let now = Instant::now();
        times.push(now - last);
        last = now;
    }
    let (took, database) = (last - started, service.db.usage().since(before));

    let sample: Vec<_> = plan.iter().step_by(plan.len().div_ceil(SAMPLE)).collect();
    let started = Instant::now();
    for call in &sample {
        match **call {
            Call::Project(id) => drop(service.db.project(id).await?),
            Call::Listing(org_id) => drop(service.db.projects_of(org_id).await?),
        }
    }
    let sample_took = started.elapsed();

    times.sort_unstable();
    Ok(Traffic {
        calls: plan.len(),
        keys: distinct(&plan),
        took,
        database,
        median: times[times.len() / 2],
        sample: sample.len(),
        sample_took,
    })
}

/// The calls to make, the same in every run. Which project is popular has nothing to do with its id.
fn plan(calls: u32, size: Size) -> Vec<Call> {
    let mut rng = Rng::with_seed(20_000);
    let mut ranked: Vec<_> = (1..=u64::from(size.projects)).collect();
    rng.shuffle(&mut ranked);
    let (projects, organisations) = (Zipf::new(size.projects, 1.0), Zipf::new(size.organisations, 1.0));
    let call = |_| {
        if rng.u8(..10) > 0 {
            Call::Project(ranked[projects.sample(&mut rng)])
        } else {
            Call::Listing(organisations.sample(&mut rng) as u64 + 1)
        }
    };
    (0..calls.max(1)).map(call).collect()
}

fn distinct(plan: &[Call]) -> u64 {
    let key = |call: &Call| match *call {
        Call::Project(id) => (0, id),
        Call::Listing(org_id) => (1, org_id),
    };
    plan.iter().map(key).collect::<std::collections::HashSet<_>>().len() as u64
}

#[expect(clippy::cast_precision_loss, reason = "counts of calls are far below 2^52")]
fn ratio(part: impl TryInto<u64>, whole: impl TryInto<u64>) -> f64 {
    part.try_into().unwrap_or(0) as f64 / whole.try_into().unwrap_or(1) as f64
}
