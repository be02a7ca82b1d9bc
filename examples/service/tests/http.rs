//! The service as its clients meet it: its program, over HTTP, as one process on memory or on Cloudflare KV, and as two
//! on one Redis.
//!
//! Where `redis-server` or Miniflare is missing, a test says `skipped: why` and passes; `tests/run` installs them.

#[path = "http/instance.rs"]
mod instance;
#[path = "http/journey.rs"]
mod journey;
#[expect(dead_code, reason = "these tests need a server and no more")]
#[path = "../../../tests/redis/server.rs"]
mod server;

use std::time::{Duration, Instant};

use cache_tests::workerd;
use instance::{Instance, cookie, two};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use server::{Kind, Server};

/// A server that loses nothing when it is killed.
fn lasting_redis() -> Option<Server> {
    Server::start(Kind::Redis, &["--appendonly", "yes", "--appendfsync", "always"])
}

#[tokio::test]
async fn one_process_on_memory_serves_all_of_it() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let instance = Instance::start("memory", &directory.path().join("db"), &[]);
    journey::readers_and_writers(&instance, &instance).await;
    journey::sessions(&instance, &instance).await;
    journey::tries_to_log_in(&instance, &instance).await;
    journey::health_and_metrics(&instance).await;
}

/// On workerd, which sees its own writes at once; Cloudflare's network takes its time.
#[tokio::test]
async fn one_process_on_cloudflare_kv_serves_all_of_it() {
    let Some(address) = workerd::serve("cloudflare/miniflare/server.mjs", ["1".into()]) else { return };
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let api = format!("{address}/client/v4");
    let variables = [("CLOUDFLARE_API_TOKEN", "test-token"), ("CLOUDFLARE_API_BASE_URL", &api)];
    let database = directory.path().join("db");
    let instance = Instance::start_in(&variables, "cloudflare://test-account/kv0", &database, &[]);
    journey::readers_and_writers(&instance, &instance).await;
    journey::sessions(&instance, &instance).await;
    journey::tries_to_log_in(&instance, &instance).await;
    journey::health_and_metrics(&instance).await;
}

#[tokio::test]
async fn two_processes_on_one_redis_serve_all_of_it_as_one() {
    let Some(redis) = lasting_redis() else { return };
    let (first, second, _directory) = two(&redis, &[]);
    journey::readers_and_writers(&first, &second).await;
    journey::sessions(&first, &second).await;
    journey::tries_to_log_in(&first, &second).await;
    journey::health_and_metrics(&first).await;
}

#[tokio::test]
async fn two_processes_on_one_redis_have_one_limit_of_requests() {
    let Some(redis) = lasting_redis() else { return };
    let (first, second, _directory) = two(&redis, &["--limit", "10"]);
    let start = Instant::now();
    let mut admitted = 0;
    for number in 0..30 {
        let instance = if number % 2 == 0 { &first } else { &second };
        let answer = instance.ask(Method::GET, "/api/orgs/1/projects", "", Value::Null).await;
        assert_eq!(answer.headers["ratelimit-limit"], "10");
        match answer.status {
            StatusCode::OK => admitted += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                let wait: u64 =
                    answer.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
                assert!((1..=6).contains(&wait), "{wait}");
            }
            other => panic!("{other}"),
        }
    }
    // One comes back every six seconds.
    let most = 10 + start.elapsed().as_secs() / 6;
    assert!((10..=most).contains(&admitted), "{admitted}");
}

#[tokio::test]
async fn while_redis_is_down_cached_routes_answer_and_session_routes_say_so() {
    let Some(redis) = lasting_redis() else { return };
    let (first, second, _directory) = two(&redis, &["--limit", "100000"]);
    let session = first.log_in("ada@birch.example").await;
    let me = |instance| Instance::get_as(instance, "/api/me", &session);
    for instance in [&first, &second] {
        assert_eq!(me(instance).await.status, StatusCode::OK);
    }
    redis.kill();
    for instance in [&first, &second] {
        for path in ["/api/orgs/1/projects", "/api/orgs/1/projects/7", "/api/orgs/1/settings"].repeat(20) {
            assert_eq!(instance.get(path).await.status, StatusCode::OK, "{path}");
        }
        assert_eq!(me(instance).await.status, StatusCode::SERVICE_UNAVAILABLE);
        let health = instance.get("/healthz").await;
        assert_eq!((health.status, &health.body["cache"]), (StatusCode::OK, &json!("down")));
        // Nobody can tell whether it may be tried, so it may not.
        let login = instance.try_log_in("ada@birch.example", "correct horse").await;
        assert_eq!(login.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    redis.restart();
    for instance in [&first, &second] {
        let start = Instant::now();
        while me(instance).await.status == StatusCode::SERVICE_UNAVAILABLE {
            assert!(start.elapsed() < Duration::from_secs(20), "it does not come back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(me(instance).await.status, StatusCode::OK, "the session is still there");
    }
    journey::readers_and_writers(&first, &second).await;
}

#[tokio::test]
async fn told_to_stop_it_finishes_and_its_log_is_json_without_secrets() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let instance = Instance::start("memory", &directory.path().join("db"), &[]);
    let answer = instance.try_log_in("ada@birch.example", "correct horse").await;
    let session = cookie(&answer);
    assert_eq!(Instance::get_as(&instance, "/api/me", &session).await.status, StatusCode::OK);
    let log = instance.stop();
    let messages: Vec<Value> =
        log.iter().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert_eq!(messages.last().expect("it said something")["message"], "stopped");
    let answered = |line: &&Value| line["message"] == "finished processing request" && line["status"] == 200;
    assert_eq!(messages.iter().filter(answered).count(), 2, "{log:#?}");
    let token = session.split('=').nth(1).expect("a cookie has a value");
    assert!(!log.iter().any(|line| line.contains(token) || line.contains("correct horse")));
}
