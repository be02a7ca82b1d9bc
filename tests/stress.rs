//! Stress: readers and writers on real threads, and an oracle that knows what each read may see at the least.
//!
//! The oracle: no read is older than a write that returned before the read began. A write that was dropped never
//! returns, but its commit lands all the same; nothing from before it may be served once those reads have ended
//! that began before it landed.
//!
//! `STRESS_READS` is how many reads the cached service serves in all (300,000), `STRESS_SEED` what chance begins
//! with.

#[path = "stress/chance.rs"]
mod chance;
#[path = "stress/database.rs"]
mod database;
#[path = "stress/run.rs"]
mod run;
#[path = "stress/subjects.rs"]
mod subjects;
#[path = "stress/tagged.rs"]
mod tagged;

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{Backend, KvCacheService, LocalKvNamespace};

use database::Database;
use run::{Plan, run};
use subjects::{ByHand, Cached};
use tagged::{Tagged, TaggedByHand};

fn from_env(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number")),
        Err(_) => default,
    }
}

fn plan(share: u64) -> Plan {
    Plan {
        seed: from_env("STRESS_SEED", 0x5EED),
        reads: from_env("STRESS_READS", 300_000) / share,
        readers: 48,
        writers: 8,
        dropped_reads: 14,
        dropped_writes: 0,
        write_timeout: Duration::from_secs(30),
    }
}

fn twice(backend: LocalKvNamespace) -> [Arc<dyn Backend>; 2] {
    [Arc::new(backend.clone()), Arc::new(backend)]
}

fn by_hand(database: Arc<Database>) -> ByHand {
    ByHand::new(database, KvCacheService::in_memory())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_a_write_that_returned_before_the_read_began() {
    let plan = plan(2);
    let seen =
        run(plan, |database| Cached::new(database, twice(LocalKvNamespace::new()), plan.write_timeout)).await;
    println!("cached, no writer dropped: {seen}");
    assert_eq!(seen.stale(), 0);
    assert!(seen.is_busy(), "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_what_a_dropped_writer_has_left_behind() {
    let plan = Plan { dropped_writes: 40, write_timeout: Duration::from_millis(20), ..plan(4) };
    let seen =
        run(plan, |database| Cached::new(database, twice(LocalKvNamespace::new()), plan.write_timeout)).await;
    println!("cached, 20 % of the writers dropped: {seen}");
    assert_eq!(seen.stale(), 0);
    assert!(seen.is_busy() && seen.landed > 0, "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_where_the_backend_evicts_values_and_leases() {
    let plan = Plan { dropped_writes: 40, write_timeout: Duration::from_millis(20), ..plan(4) };
    // Room for about 20 of the 72 keys.
    let backend = LocalKvNamespace::builder().capacity_bytes(7_000).build();
    let seen = run(plan, |database| Cached::new(database, twice(backend), plan.write_timeout)).await;
    println!("cached, in a small backend, 20 % of the writers dropped: {seen}");
    assert_eq!(seen.stale(), 0);
    assert!(seen.is_busy() && seen.landed > 0, "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_an_invalidation_of_its_tag_or_of_all() {
    let plan = Plan { dropped_writes: 40, write_timeout: Duration::from_millis(20), ..plan(4) };
    let seen =
        run(plan, |database| Tagged::new(database, twice(LocalKvNamespace::new()), plan.write_timeout)).await;
    println!("tagged, 20 % of the writers dropped: {seen}");
    assert_eq!(seen.stale(), 0);
    assert!(seen.is_busy() && seen.landed > 0, "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tags_by_hand_do_serve_stale_values_by_the_same_oracle() {
    let calm = Plan { reads: 50_000, ..plan(1) };
    let seen = run(calm, |database| TaggedByHand::new(database, KvCacheService::in_memory())).await;
    println!("tagged by hand, no writer dropped: {seen}");
    assert!(seen.stale_after_return > 0, "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cache_aside_by_hand_does_serve_stale_values_by_the_same_oracle() {
    let calm = Plan { reads: 50_000, ..plan(1) };
    let seen = run(calm, by_hand).await;
    println!("by hand, no writer dropped: {seen}");
    assert!(seen.stale_after_return > 0, "{seen}");

    let dropping = Plan { dropped_writes: 40, write_timeout: Duration::from_millis(20), ..calm };
    let seen = run(dropping, by_hand).await;
    println!("by hand, 20 % of the writers dropped: {seen}");
    assert!(seen.stale_after_return > 0 && seen.stale_after_drop > 0, "{seen}");
}
