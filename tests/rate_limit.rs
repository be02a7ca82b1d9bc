//! Rate limits: on memory by a clock that the tests move, on a real Redis from many tasks and processes, and before
//! a service of axum.
//!
//! `RATE_DROPS` (100,000) counts the calls that are dropped on Redis, `RATE_CASES` (2,000) the histories that are
//! compared with a plain model.

#[path = "rate_limit/concurrent.rs"]
mod concurrent;
#[path = "rate_limit/dropped.rs"]
mod dropped;
#[path = "rate_limit/failures.rs"]
mod failures;
#[path = "rate_limit/layer.rs"]
mod layer;
#[path = "rate_limit/limits.rs"]
mod limits;
#[path = "rate_limit/model.rs"]
mod model;
#[path = "redis/patient.rs"]
mod patient;
#[path = "plain.rs"]
mod plain;
#[path = "rate_limit/processes.rs"]
mod processes;
#[expect(dead_code, reason = "these tests need a server and no more")]
#[path = "redis/server.rs"]
mod server;

use std::sync::Arc;

use cache_runtime::testing::ManualClock;
use cache_runtime::{KvCacheService, LocalKvNamespace};
pub(crate) use patient::connect;

/// A number that the environment may set.
fn count(name: &str, default: u32) -> u32 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number")),
        Err(_) => default,
    }
}

/// Memory on a clock that the test moves.
fn in_memory() -> (ManualClock, KvCacheService) {
    let time = ManualClock::new();
    let namespace = LocalKvNamespace::builder().clock(time.clock()).build();
    let cache = KvCacheService::builder(Arc::new(namespace)).clock(time.clock());
    (time, cache.build().expect("a valid prefix"))
}
