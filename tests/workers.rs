//! The example Worker in a real workerd: its pages over HTTP, and the contract of backends on its binding.
//!
//! `tests/run --workers` builds the Worker first. Where it, node or Miniflare are missing, a test says `skipped: why`
//! and passes.

#[path = "workers/remote.rs"]
mod remote;
#[path = "workers/server.rs"]
mod server;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::server::client;

/// The contract of backends. Its time is the test's, for the ends that stand in the metadata.
mod on_the_binding {
    use cache_runtime::LocalKvNamespace;
    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::testing::ManualClock;

    use crate::remote::Remote;

    async fn subject() -> Subject {
        match crate::server::address() {
            Some(address) => {
                let time = ManualClock::new();
                Subject::new(Remote::new(address, time.clock()), Time::Manual(time))
            }
            // A test cannot end as skipped: memory stands in, and a line says so.
            None => Subject::new(LocalKvNamespace::new(), Time::Real),
        }
    }

    cache_runtime::backend_contract!(subject);
}

async fn get(address: &str, path: &str) -> Response {
    client().get(format!("{address}{path}")).send().await.expect("the Worker answers")
}

async fn put(address: &str, path: &str, change: Value) -> Response {
    let request = client().put(format!("{address}{path}")).body(change.to_string());
    request.send().await.expect("the Worker answers")
}

fn cost(answer: &Response) -> String {
    answer.headers()["x-cost"].to_str().expect("the cost is text").to_owned()
}

async fn body(answer: Response) -> Value {
    serde_json::from_slice(&answer.bytes().await.expect("the Worker answers")).expect("the answer is JSON")
}

#[tokio::test]
async fn the_worker_caches_what_it_reads_and_shows_what_was_written() {
    let Some(address) = server::address() else { return };

    let first = get(address, "/projects/7").await;
    assert_eq!(first.status(), StatusCode::OK);
    assert_eq!(cost(&first), "kv-reads=1 kv-writes=1 kv-deletes=0 kv-lists=0 d1-queries=2");
    let project = body(first).await;
    assert_eq!(project["name"], "Apollo");
    assert_eq!(
        (&project["tasks"], &project["open_tasks"], &project["minutes"]),
        (&json!(2), &json!(1), &json!(165))
    );
    assert_eq!(project["team"][0], json!({ "member": "Ada", "minutes": 120 }));

    let second = get(address, "/projects/7").await;
    assert_eq!(cost(&second), "kv-reads=1 kv-writes=0 kv-deletes=0 kv-lists=0 d1-queries=0");
    assert_eq!(body(second).await, project);

    // By its slug: two cached steps, of which the second is a hit.
    let by_slug = get(address, "/slugs/apollo").await;
    assert_eq!(cost(&by_slug), "kv-reads=2 kv-writes=1 kv-deletes=0 kv-lists=0 d1-queries=1");
    assert_eq!(body(by_slug).await, project);

    let listing = body(get(address, "/orgs/3/projects").await).await;
    assert_eq!(listing.as_array().map(Vec::len), Some(2));

    // A write makes the project and its organisation's listing stale.
    let written = put(address, "/projects/7", json!({ "status": "paused" })).await;
    assert_eq!(written.status(), StatusCode::OK);
    assert_eq!(cost(&written), "kv-reads=0 kv-writes=0 kv-deletes=2 kv-lists=0 d1-queries=3");
    assert_eq!(body(get(address, "/projects/7").await).await["status"], "paused");
    let listing = body(get(address, "/orgs/3/projects").await).await;
    assert_eq!(listing[0]["status"], "paused");
}

#[tokio::test]
async fn what_is_not_there_is_cached_too_and_bad_requests_say_what_is_wrong() {
    let Some(address) = server::address() else { return };
    let missing = get(address, "/projects/99").await;
    assert_eq!(
        (missing.status(), cost(&missing).as_str()),
        (StatusCode::NOT_FOUND, "kv-reads=1 kv-writes=1 kv-deletes=0 kv-lists=0 d1-queries=1")
    );
    let again = get(address, "/projects/99").await;
    assert_eq!(cost(&again), "kv-reads=1 kv-writes=0 kv-deletes=0 kv-lists=0 d1-queries=0");
    let unknown = put(address, "/projects/99", json!({ "name": "None" })).await;
    assert_eq!(unknown.status(), StatusCode::NOT_FOUND);
    for (path, status) in [("/projects/x", 400), ("/orgs/x/projects", 400), ("/nothing", 404)] {
        assert_eq!(get(address, path).await.status().as_u16(), status, "{path}");
    }
    assert_eq!(
        put(address, "/projects/7", json!({ "status": "lost" })).await.status(),
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn many_requests_at_once_wait_for_none_of_each_other() {
    let Some(address) = server::address() else { return };
    let calls = (0..40).map(|_| get(address, "/projects/8"));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.status(), StatusCode::OK, "workerd ends a request that awaits another's wake-up");
    }
}
