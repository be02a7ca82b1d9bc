//! Ten thousand callers of one cold key.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::case::block_on;
use crate::flags::Flags;
use crate::ours::Service;
use crate::peers;
use crate::stampede::{LOADER, Loader, Stampede};
use crate::table::Table;

const TASKS: usize = 16;

/// Who is not done by then is stopped.
const PATIENCE: Duration = Duration::from_secs(3);

/// Prints the table.
pub fn print(flags: &Flags) {
    let (callers, rounds) = if flags.quick { (10_000, 2) } else { (10_000, 15) };
    let mut table = Table::new(&["call", "loader", "loads", "best ms", "× loader"]);
    for fails in [false, true] {
        let names = all(fails).len();
        for index in 0..names {
            // A new cache each round: the key has to be cold.
            let runs: Vec<_> = (0..rounds).map(|_| run(&all(fails)[index], callers)).collect();
            let (best, loads) = runs.iter().copied().min_by_key(|run| run.0).unwrap_or_default();
            let most = runs.iter().map(|run| run.1).max().unwrap_or(loads);
            let name = all(fails)[index].name;
            let stopped = best >= PATIENCE;
            let [more, at_least] = if stopped { [" so far", "> "] } else { ["", ""] };
            table.row([
                if index == 0 { format!("**{name}**") } else { name.to_owned() },
                if fails { "fails".to_owned() } else { "succeeds".to_owned() },
                format!("{most}{more}"),
                format!("{at_least}{:.1}", best.as_secs_f64() * 1_000.0),
                format!("{at_least}{:.2}", best.as_secs_f64() / LOADER.as_secs_f64()),
            ]);
        }
    }
    table.print(&format!(
        "{callers} callers, in {TASKS} tasks, of one cold key; a loader of {} ms; best of {rounds} rounds, most loads of any",
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
