//! `KvNamespace`: Cloudflare KV's interface, over memory.

#[path = "kv/handle.rs"]
mod handle;
#[path = "kv/reasons.rs"]
mod reasons;
#[path = "kv/semantics.rs"]
mod semantics;

use std::time::Duration;

use cache_runtime::LocalKvNamespace;
use cache_runtime::testing::ManualClock;

/// The second at which the answers were recorded.
const RECORDED: u64 = 1_795_463_060;

#[tokio::test]
async fn memory_answers_every_recorded_call_as_workerd_did() {
    let time = ManualClock::new();
    time.set_unix_time(Duration::from_secs(RECORDED));
    let namespace = LocalKvNamespace::builder().clock(time.clock()).cloudflare_limits().build();
    let world = semantics::World { kv: namespace.into(), now: || RECORDED, exact: true };
    let made = semantics::check(&world).await;
    println!("{made} calls");
    assert!(made > 100, "only {made} calls were made");
}
