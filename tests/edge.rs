//! Cloudflare KV as several of its locations see it: what that does to everything that stands on it.
//!
//! The simulated network itself is held to the contract of backends, and to what workerd answered.

#[path = "edge/network.rs"]
mod network;
#[path = "edge/oracle.rs"]
mod oracle;
#[path = "kv/reasons.rs"]
mod reasons;
#[path = "kv/semantics.rs"]
mod semantics;
#[path = "edge/services.rs"]
mod services;
#[path = "edge/simulation.rs"]
mod simulation;
#[path = "edge/state.rs"]
mod state;

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::testing::{EdgeNetwork, ManualClock};
use cache_runtime::{Backend, KvCacheService, KvNamespace};

/// A minute, in which a change is seen everywhere.
const WINDOW: Duration = Duration::from_secs(60);

/// A network with the whole window between any two locations.
fn network() -> (ManualClock, EdgeNetwork) {
    let time = ManualClock::new();
    let network = EdgeNetwork::builder().clock(time.clock()).build();
    (time, network)
}

fn service(backend: impl Backend) -> KvCacheService {
    let clock = backend.clock();
    KvCacheService::builder(Arc::new(backend)).clock(clock).build().expect("the prefix is good")
}

fn seconds(time: &ManualClock, count: u64) {
    time.advance(Duration::from_secs(count));
}

/// The contract of backends, at one location, but for the one write a second.
mod contract {
    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::testing::{EdgeNetwork, ManualClock};

    async fn subject() -> Subject {
        let time = ManualClock::new();
        let network = EdgeNetwork::builder().clock(time.clock()).without_write_limit().build();
        Subject::new(network.location("Oslo"), Time::Manual(time))
    }

    cache_runtime::backend_contract!(subject);
}

/// The second at which the answers were recorded.
const RECORDED: u64 = 1_795_463_060;

#[tokio::test]
async fn a_location_answers_every_recorded_call_as_workerd_did() {
    let time = ManualClock::new();
    time.set_unix_time(Duration::from_secs(RECORDED));
    let network = EdgeNetwork::builder().clock(time.clock()).without_write_limit().build();
    let kv = KvNamespace::new(Arc::new(network.location("Oslo")));
    let world = semantics::World { kv, now: || RECORDED, exact: true };
    let made = semantics::check(&world).await;
    println!("{made} calls");
    assert!(made > 100, "only {made} calls were made");
}
