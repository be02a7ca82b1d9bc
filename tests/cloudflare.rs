//! Cloudflare KV over its REST interface, on a real workerd that the tests start and end.
//!
//! Where node or Miniflare are missing, a test says `skipped: why` and passes; `tests/run` fetches Miniflare.

#[path = "cloudflare/context.rs"]
mod context;
#[path = "cloudflare/faults.rs"]
mod faults;
#[path = "cloudflare/interop.rs"]
mod interop;
#[path = "bad_input/log.rs"]
mod log;
#[path = "kv/reasons.rs"]
mod reasons;
#[path = "kv/semantics.rs"]
mod semantics;
#[path = "cloudflare/server.rs"]
mod server;
#[path = "cloudflare/state.rs"]
mod state;
#[path = "cloudflare/stored.rs"]
mod stored;

use cache_runtime::{Clock, KvNamespace};

/// The contract of backends. Its time is the test's, for the ends that stand in the metadata.
mod on_workerd {
    use cache_runtime::LocalKvNamespace;
    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::testing::ManualClock;

    async fn subject() -> Subject {
        match crate::server::shared() {
            Some(namespace) => {
                let time = ManualClock::new();
                // On a clock that stands still a pause would never end; a lost connection is replaced without one.
                let backend = namespace.builder().clock(time.clock()).attempts(2).build();
                Subject::new(backend.expect("the configuration is right"), Time::Manual(time))
            }
            // A test cannot end as skipped: memory stands in, and a line says so.
            None => Subject::new(LocalKvNamespace::new(), Time::Real),
        }
    }

    cache_runtime::backend_contract!(subject);
}

#[tokio::test]
async fn workerd_answers_every_recorded_call_over_rest_as_it_did_in_a_worker() {
    let Some(namespace) = server::namespace() else { return };
    let kv = KvNamespace::new(std::sync::Arc::new(namespace.backend()));
    let world = semantics::World { kv, now: || Clock::system().unix_time().as_secs(), exact: false };
    let made = semantics::check(&world).await;
    println!("{made} calls");
    assert!(made > 100, "only {made} calls were made");
}
