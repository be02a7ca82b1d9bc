//! Ten thousand callers of one cold key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::case::block_on;
use crate::flags::Flags;
use crate::measure::Nanos;
use crate::ours::Service;
use crate::peers;
use crate::stampede::{LOADER, Loader, Stampede};
use crate::table::Table;

const TASKS: usize = 16;

/// Who is not done by then is stopped.
const PATIENCE: Duration = Duration::from_secs(3);

/// Prints the table.
pub fn print(flags: &Flags) {
    let (callers, rounds) = if flags.quick { (10_000, 5) } else { (10_000, 40) };
    let mut table = Table::new(&["call", "loader", "loads", "median ms", "best ms", "best × loader"]);
    for fails in [false, true] {
        let mut runs = vec![Vec::with_capacity(rounds); all(fails).len()];
        for round in 0..rounds {
            // A new cache each round: the key has to be cold.
            let stampedes = all(fails);
            for turn in 0..runs.len() {
                let index = (turn + round) % runs.len();
                // Who had to be stopped is not asked again.
                if runs[index].iter().all(|(taken, _)| *taken < PATIENCE) {
                    runs[index].push(run(&stampedes[index], callers));
                }
            }
        }
        for (index, (stampede, runs)) in all(fails).iter().zip(runs).enumerate() {
            let most = runs.iter().map(|(_, loads)| *loads).max().unwrap_or_default();
            let taken = runs.iter().map(|(taken, _)| taken.as_secs_f64() * 1_000.0).collect();
            let Nanos { median, minimum: best } = Nanos::of(taken);
            let stopped = runs.iter().any(|(taken, _)| *taken >= PATIENCE);
            let [more, at_least] = if stopped { [" so far", "> "] } else { ["", ""] };
            let name = stampede.name;
            table.row([
                if index == 0 { format!("**{name}**") } else { name.to_owned() },
                if fails { "fails".to_owned() } else { "succeeds".to_owned() },
                format!("{most}{more}"),
                format!("{at_least}{median:.1}"),
                format!("{at_least}{best:.1}"),
                format!("{at_least}{:.2}", best / 1_000.0 / LOADER.as_secs_f64()),
            ]);
        }
    }
    table.print(&format!(
        "{callers} callers, in {TASKS} tasks, of one cold key; a loader of {} ms; {rounds} interleaved rounds, most loads of any",
        LOADER.as_millis()
    ));
}

fn all(fails: bool) -> Vec<Stampede> {
    let mut all = vec![ours(&Loader::new(fails)), alone(&Loader::new(fails))];
    all.extend(peers::stampedes(fails));
    all
}

fn ours(loader: &Loader) -> Stampede {
    let service = Arc::new(Service::in_memory());
    Stampede::new("#[cached] async method", loader, move |loader| {
        let service = Arc::clone(&service);
        async move { drop(service.slow(1, &loader).await) }
    })
}

/// What it costs to start the tasks and to wait, with nothing shared: no cache can be faster.
fn alone(loader: &Loader) -> Stampede {
    Stampede::new("no cache: each loads", loader, |loader| async move { drop(loader.load().await) })
}

/// The callers are in a few tasks, so that what is measured is the cache and not how fast tasks are started.
fn run(stampede: &Stampede, callers: usize) -> (Duration, u64) {
    let groups: Vec<_> =
        (0..TASKS).map(|_| join_all((0..callers / TASKS).map(|_| stampede.call()))).collect();
    let taken = block_on(async {
        let start = Instant::now();
        let mut tasks: JoinSet<_> = groups.into_iter().collect();
        let done = timeout(PATIENCE, async { while tasks.join_next().await.is_some() {} }).await;
        let taken = start.elapsed();
        tasks.shutdown().await;
        if done.is_ok() { taken } else { PATIENCE }
    });
    (taken, stampede.loads())
}
