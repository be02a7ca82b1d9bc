//! Interleaved rounds: every case in turn, again and again, so that what else the machine does hits all alike.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::value;

/// How long a case runs for a profiler.
const PROFILED: Duration = Duration::from_secs(4);

/// Nanoseconds per call, of all rounds.
#[derive(Debug, Clone, Copy)]
pub struct Nanos {
    pub median: f64,
    pub minimum: f64,
}

impl Nanos {
    /// Of the rounds of one case, in whatever order.
    pub fn of(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let median = rounds.get(rounds.len() / 2).copied().unwrap_or(f64::NAN);
        Self { median, minimum: rounds.first().copied().unwrap_or(f64::NAN) }
    }
}

/// Measures each case `rounds` times over `ids`, on one thread.
pub fn interleaved(cases: &[&Case], ids: &[u64], rounds: usize) -> Vec<Nanos> {
    let mut taken = vec![Vec::with_capacity(rounds); cases.len()];
    for round in 0..rounds {
        for turn in 0..cases.len() {
            // Each round begins with another, so that none always follows the same.
            let index = (turn + round) % cases.len();
            taken[index].push(time(cases[index], ids));
        }
    }
    taken.into_iter().map(Nanos::of).collect()
}

fn time(case: &Case, ids: &[u64]) -> f64 {
    let start = Instant::now();
    case.run(ids);
    start.elapsed().as_nanos() as f64 / ids.len() as f64
}

/// The same on several threads at once. A round counts as long as its slowest thread, for each of its calls.
pub fn on_threads(cases: &[&Case], ids: &[u64], rounds: usize, threads: usize) -> Vec<Nanos> {
    let mut taken = vec![Vec::with_capacity(rounds); cases.len()];
    for round in 0..rounds {
        for turn in 0..cases.len() {
            let index = (turn + round) % cases.len();
            taken[index].push(time_together(cases[index], ids, threads));
        }
    }
    taken.into_iter().map(Nanos::of).collect()
}

/// From when the last thread is there until the slowest is done.
fn time_together(case: &Case, ids: &[u64], threads: usize) -> f64 {
    let (missing, begun) = (AtomicUsize::new(threads), OnceLock::new());
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let work = |thread: usize| {
        // The scheduler would leave threads of so short a life on the core that started them.
        cores.get(thread).copied().map(core_affinity::set_for_current);
        if missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            begun.get_or_init(Instant::now);
        }
        // A barrier that sleeps would let one be done before the other awakes.
        while begun.get().is_none() {
            std::hint::spin_loop();
        }
        case.run(ids);
        begun.get().map_or(f64::NAN, |begun| begun.elapsed().as_nanos() as f64)
    };
    let work = &work;
    let slowest = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || work(thread))).collect();
        running.into_iter().map(|thread| thread.join().expect("no case panics")).fold(0.0, f64::max)
    });
    slowest / ids.len() as f64
}

/// Calls what has this in its name, key or kind of value, for a profiler.
pub fn repeat(cases: &[Case], name: &str) {
    let ids: Vec<u64> = value::ids().take(128).cycle().take(4_096).collect();
    for case in cases.iter().filter(|case| case.label().contains(name)) {
        let start = Instant::now();
        let mut calls = 0;
        while start.elapsed() < PROFILED {
            case.run(&ids);
            calls += ids.len();
        }
        println!("{}: {calls} calls in {} s", case.label(), PROFILED.as_secs());
    }
}
