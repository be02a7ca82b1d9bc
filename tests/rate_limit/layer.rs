//! The limiter before a service of axum.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use cache_runtime::{KvCacheService, Quota, RateLimitLayer, RateLimiter};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use tower::ServiceExt;

use crate::server::{Kind, Server};
use crate::{connect, in_memory};

/// Who sends the request, by a header.
fn client(parts: &Parts) -> Option<String> {
    Some(parts.headers.get("x-client")?.to_str().ok()?.to_owned())
}

fn app(limiter: RateLimiter) -> Router {
    let greeting = get(|| async { ([("x-answer", "yes")], "hello") });
    Router::new().route("/", greeting).layer(RateLimitLayer::new(limiter, client))
}

async fn send(app: &Router, client: Option<&str>) -> Response<Body> {
    let request =
        client.iter().fold(Request::get("/"), |request, client| request.header("x-client", *client));
    let request = request.body(Body::empty()).expect("it is a request");
    app.clone().oneshot(request).await.expect("axum always answers")
}

/// Status, limit, remaining, reset and retry.
fn seen(response: &Response<Body>) -> (u16, [Option<u64>; 4]) {
    let number = |name: &str| response.headers().get(name)?.to_str().ok()?.parse().ok();
    let names = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "retry-after"];
    (response.status().as_u16(), names.map(number))
}

fn limiter(cache: &KvCacheService) -> RateLimiter {
    RateLimiter::new(cache, "api", Quota::window(2, Duration::from_millis(90_500))).expect("it can be built")
}

#[tokio::test]
async fn a_request_is_answered_or_refused_and_told_how_its_quota_stands() {
    let (time, cache) = in_memory();
    let app = app(limiter(&cache));
    assert_eq!(seen(&send(&app, Some("ada")).await), (200, [Some(2), Some(1), Some(91), None]));
    let answer = send(&app, Some("ada")).await;
    assert_eq!(seen(&answer), (200, [Some(2), Some(0), Some(91), None]));
    assert!(answer.headers().contains_key("x-answer"));
    time.advance(Duration::from_secs(30));
    let refused = send(&app, Some("ada")).await;
    assert_eq!(seen(&refused), (429, [Some(2), Some(0), Some(61), Some(61)]));
    assert!(!refused.headers().contains_key("x-answer"), "the service was not asked");
    assert_eq!(seen(&send(&app, Some("bob")).await).0, 200);
    // Who waits as long as told is served.
    time.advance(Duration::from_secs(61));
    assert_eq!(seen(&send(&app, Some("ada")).await).0, 200);
}

#[tokio::test]
async fn a_request_of_nobody_is_not_limited() {
    let (_, cache) = in_memory();
    let app = app(limiter(&cache));
    for _ in 0..5 {
        assert_eq!(seen(&send(&app, None).await), (200, [None; 4]));
    }
}

#[tokio::test]
async fn an_id_that_no_key_can_hold_is_a_bad_request() {
    let (_, cache) = in_memory();
    let long = "x".repeat(600);
    assert_eq!(seen(&send(&app(limiter(&cache)), Some(&long)).await), (400, [None; 4]));
}

#[tokio::test]
async fn a_route_may_cost_more_than_another() {
    let (_, cache) = in_memory();
    let by_anybody = |_: &Parts| Some("all");
    let route = |cost| get(|| async {}).layer(RateLimitLayer::new(limiter(&cache), by_anybody).cost(cost));
    let app: Router = Router::new().route("/", route(2)).route("/never", route(3));
    assert_eq!(seen(&send(&app, None).await), (200, [Some(2), Some(0), Some(91), None]));
    let never = Request::get("/never").body(Body::empty()).expect("it is a request");
    let never = app.oneshot(never).await.expect("axum always answers");
    assert_eq!(seen(&never), (429, [Some(2), Some(0), Some(91), None]), "waiting does not help");
}

#[tokio::test]
async fn a_backend_that_is_down_is_503_or_passed_by_as_chosen() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let cache = connect(&server.url(0)).await;
    let quota = Quota::window(2, Duration::from_mins(1));
    let open = RateLimiter::builder(&cache, "api", quota).fail_open().build().expect("it can be built");
    let (closed, open) = (app(limiter(&cache)), app(open));
    server.kill();
    assert_eq!(send(&closed, Some("ada")).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    for _ in 0..3 {
        assert_eq!(send(&open, Some("ada")).await.status(), StatusCode::OK);
    }
}
