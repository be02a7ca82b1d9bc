//! The stress test with its oracle, on real servers: two services, each with a connection of its own and without a
//! local tier; readers and writers are dropped.
//!
//! `STRESS_READS` (300,000) counts those in memory; a server gets a third of it, since each costs a round trip.

#[path = "../stress/chance.rs"]
pub(crate) mod chance;
#[path = "../stress/database.rs"]
mod database;
#[path = "../stress/run.rs"]
mod run;
#[path = "../stress/subjects.rs"]
mod subjects;
#[path = "../stress/tagged.rs"]
mod tagged;

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{Backend, KvCacheService, RedisBackend};

use database::Database;
use run::{Plan, run};
use subjects::{ByHand, Cached, Subject};
use tagged::{Tagged, TaggedByHand};

use crate::server::{Kind, Server};

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
        dropped_writes: 40,
        write_timeout: Duration::from_millis(20),
    }
}

/// A connection that waits long: the machine may be busy, and an error is no answer here.
async fn connect(server: &Server) -> RedisBackend {
    let builder = RedisBackend::builder(&server.url(0));
    let builder = builder.connect_timeout(Duration::from_secs(20)).command_timeout(Duration::from_secs(20));
    builder.connect().await.expect("the server answers")
}

async fn no_read_is_stale_on<S: Subject>(
    kind: Kind,
    share: u64,
    subject: impl FnOnce(Arc<Database>, [Arc<dyn Backend>; 2], Duration) -> S,
) {
    let Some(server) = Server::start(kind, &[]) else { return };
    let backends: [Arc<dyn Backend>; 2] =
        [Arc::new(connect(&server).await), Arc::new(connect(&server).await)];
    let plan = plan(share);
    let seen = run(plan, |database| subject(database, backends, plan.write_timeout)).await;
    println!("on {kind:?}, 20 % of the writers dropped: {seen}");
    assert_eq!(seen.stale(), 0);
    assert!(seen.is_busy() && seen.landed > 0, "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_a_write_that_returned_or_was_dropped_on_redis() {
    no_read_is_stale_on(Kind::Redis, 3, Cached::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_a_write_that_returned_or_was_dropped_on_valkey() {
    no_read_is_stale_on(Kind::Valkey, 10, Cached::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_an_invalidation_of_its_tag_or_of_all_on_redis() {
    no_read_is_stale_on(Kind::Redis, 6, Tagged::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_an_invalidation_of_its_tag_or_of_all_on_valkey() {
    no_read_is_stale_on(Kind::Valkey, 10, Tagged::new).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tags_by_hand_do_serve_stale_values_on_redis() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let backend = Arc::new(connect(&server).await);
    let cache = KvCacheService::builder(backend).build().expect("a valid prefix");
    let seen = run(Plan { reads: 30_000, ..plan(1) }, |database| TaggedByHand::new(database, cache)).await;
    println!("tagged by hand on Redis, 20 % of the writers dropped: {seen}");
    assert!(seen.stale_after_return > 0, "{seen}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn cache_aside_by_hand_does_serve_stale_values_on_redis() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let backend = Arc::new(connect(&server).await);
    let cache = KvCacheService::builder(backend).build().expect("a valid prefix");
    let seen = run(Plan { reads: 30_000, ..plan(1) }, |database| ByHand::new(database, cache)).await;
    println!("by hand on Redis, 20 % of the writers dropped: {seen}");
    assert!(seen.stale_after_return > 0 && seen.stale_after_drop > 0, "{seen}");
}
