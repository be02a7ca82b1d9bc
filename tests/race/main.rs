//! Races: the single-flight and the local tier under thousands of schedules, with shuttle.
//!
//! The sources of the two are compiled in here a second time, with shuttle's locks instead of the standard
//! library's, so that the crate itself needs no switch for it. Each scenario runs under 20,000 schedules;
//! `RACE_SCHEDULES=1000000` runs more. Use `--release`. A failure prints its schedule, for `shuttle::replay`.
//!
//! Every scenario is held to the same rules, see [`world`]: no reader gets a value older than a write that
//! returned before the read began, nobody hangs, and the table of flights is empty in the end.
#![cfg(test)]
#![expect(clippy::unwrap_used, reason = "the panic is the verdict")]

mod batches;
mod clock;
mod controls;
mod failures;
mod invalidations;
mod joins;
mod key;
mod mirror;
mod readers;
mod refresh;
#[expect(dead_code, unreachable_pub, reason = "compiled for what the scenarios use of it")]
mod store;
mod tags;
mod turns;
mod waits;
mod world;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::{Config, FailurePersistence, Runner};

fn schedules() -> usize {
    // Without optimisation they take twenty times as long; then they only show that they still run.
    let by_itself = if cfg!(debug_assertions) { 500 } else { 20_000 };
    std::env::var("RACE_SCHEDULES").ok().and_then(|count| count.parse().ok()).unwrap_or(by_itself)
}

fn config() -> Config {
    let mut config = Config::new();
    config.silence_warnings = true;
    config
}

/// Runs a scenario: three quarters of the schedules at random, one quarter with few preemptions, which finds
/// what takes many steps in a row.
fn race(scenario: impl Fn() + Send + Sync + Clone + 'static) {
    let count = schedules();
    Runner::new(RandomScheduler::new(count - count / 4), config()).run(scenario.clone());
    Runner::new(PctScheduler::new(3, count / 4), config()).run(scenario);
}

/// How many schedules a mistake may take: a hundred times as many as the rarest does in the mean.
const UNTIL_CAUGHT: usize = 2_000_000;

/// Runs a scenario with a mistake in it, which the oracle has to catch. Returns after how many schedules.
fn caught(scenario: impl Fn() + Send + Sync + 'static) -> usize {
    caught_by(world::STALE, scenario)
}

/// The same with the text by which the oracle says so.
fn caught_by(verdict: &str, scenario: impl Fn() + Send + Sync + 'static) -> usize {
    let run = Arc::new(AtomicUsize::new(0));
    let mut config = config();
    config.failure_persistence = FailurePersistence::None;
    let count = Arc::clone(&run);
    let counted = move || {
        count.fetch_add(1, Ordering::Relaxed);
        scenario();
    };
    let runner = Runner::new(RandomScheduler::new(UNTIL_CAUGHT), config);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runner.run(counted)));
    let panic = outcome.expect_err("the mistake went unnoticed");
    let text = panic.downcast_ref::<String>().map_or("", String::as_str);
    assert!(text.contains(verdict), "another failure than the one expected: {text}");
    run.load(Ordering::Relaxed)
}
