//! The example Worker in a real workerd: its pages over HTTP, and the contract of backends on its binding.
//!
//! `tests/run --workers` builds the Worker first. Where it, node or Miniflare are missing, a test says `skipped: why`
//! and passes.

#[path = "workers/remote.rs"]
mod remote;
#[path = "workers/server.rs"]
mod server;
#[path = "workers/session.rs"]
mod session;

use std::time::{Duration, Instant};

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

/// What an answer says that it cost, which is what the binding was asked for.
fn cost(answer: &Response) -> String {
    let [cost, calls] =
        ["x-cost", "x-calls"].map(|name| answer.headers()[name].to_str().expect("it is text").to_owned());
    assert_eq!(cost.split(" d1").next(), Some(calls.as_str()));
    cost
}

/// Makes a call of the test route, some of whose writes are refused as for a key that was just written.
async fn call(address: &str, call: Value, refuse: usize) -> (Value, String) {
    let request = client().post(format!("{address}/contract")).header("x-refuse", refuse);
    let answer = request.body(call.to_string()).send().await.expect("the Worker answers");
    let calls = answer.headers()["x-calls"].to_str().expect("it is text").to_owned();
    (body(answer).await, calls)
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

#[tokio::test]
async fn a_large_value_is_streamed_out_of_the_binding() {
    let Some(address) = server::address() else { return };
    let length = 8 << 20;
    let asked = json!({ "call": "stream", "now": Duration::ZERO, "keys": ["large"], "limit": length });
    let (answer, calls) = call(address, asked, 0).await;
    let read = &answer["ok"];
    assert_eq!(
        (&read["length"], &read["same"], &read["metadata"]),
        (&json!(length), &json!(true), &json!("m"))
    );
    assert!(read["pieces"].as_u64().is_some_and(|pieces| pieces > 8), "{answer}");
    assert_eq!(calls, "kv-reads=1 kv-writes=1 kv-deletes=0 kv-lists=0");
}

#[tokio::test]
async fn a_write_that_comes_too_soon_for_kv_is_made_again_a_second_later() {
    let Some(address) = server::address() else { return };
    let put =
        json!({ "call": "put", "now": Duration::ZERO, "keys": ["soon"], "values": [{ "value": [49] }] });
    let delete = json!({ "call": "delete", "now": Duration::ZERO, "keys": ["soon"] });
    for (write, expected) in [(&put, "kv-writes=3 kv-deletes=0"), (&delete, "kv-writes=0 kv-deletes=3")] {
        let began = Instant::now();
        let (answer, calls) = call(address, write.clone(), 2).await;
        assert!(answer.get("ok").is_some(), "{answer}");
        assert!(calls.contains(expected), "{calls}");
        assert!(began.elapsed() >= Duration::from_secs(2), "{:?}", began.elapsed());
    }
    // Not for ever, and the refusal does not show the key.
    let (answer, calls) = call(address, put, 3).await;
    assert!(calls.contains("kv-writes=3"), "{calls}");
    assert_eq!(answer, json!({ "failed": "unavailable: too many requests: Too Many Requests" }));
}

#[tokio::test]
async fn the_context_finds_the_namespace_of_the_worker_and_memory_where_there_is_none() {
    let Some(address) = server::address() else { return };
    let context = async |binding: &str| {
        call(address, json!({ "call": "context", "now": Duration::ZERO, "keys": [binding] }), 0).await.0
    };
    assert_eq!(context("CACHE").await["backend"], "worker");
    for before in 0..3 {
        // The same one for as long as the instance of the Worker lives.
        assert_eq!(context("NOTHING").await, json!({ "before": before, "backend": "memory" }));
    }
    let error = context("DB").await["error"].to_string();
    assert!(error.contains("`DB` is bound to something that is no KV namespace"), "{error}");
    let line = "[CloudflareContext] KV not available, using in-memory local facade";
    let console = || std::fs::read_to_string(server::log()).expect("the console is kept");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !console().contains(line) && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(console().matches(line).count(), 1, "{}", console());
}
