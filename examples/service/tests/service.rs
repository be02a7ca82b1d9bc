//! The service in a test: without a server, without waiting, and with a cache that fails when it is told to.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use cache_runtime::testing::{
    Fault, FaultyBackend, ManualClock, Operation, RecordingBackend, assert_key_map_sound,
};
use cache_runtime::{Backend, Clock, KvCacheService, LocalKvNamespace};
use metrics_exporter_prometheus::PrometheusBuilder;
use serde_json::{Value, json};
use service::{Db, app};
use tempfile::TempDir;
use tower::ServiceExt;

/// The service on a database of its own.
struct World {
    app: Router,
    cache: KvCacheService,
    directory: TempDir,
}

impl World {
    fn over(backend: impl Backend, clock: Clock) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let db = Db::open(&directory.path().join("db")).expect("SQLite opens");
        let cache =
            KvCacheService::builder(Arc::new(backend)).clock(clock).build().expect("the prefix is good");
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        Self { app: app(db, cache.clone(), metrics, 0).expect("it is well configured"), cache, directory }
    }

    /// Asks the service, with a session or without.
    async fn ask(&self, method: &str, path: &str, cookie: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder().method(method).uri(path).header("cookie", cookie);
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string()));
        let answer = self.app.clone().oneshot(request.expect("it is a request")).await.expect("it answers");
        let (head, body) = answer.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("the answer is whole");
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let cookie = head.headers.get("set-cookie").map(|cookie| json!(cookie.to_str().expect("it is text")));
        (head.status, cookie.unwrap_or(body))
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "", Value::Null).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        body
    }

    /// The cookie of a session.
    async fn log_in(&self) -> String {
        let who = json!({ "email": "ada@birch.example", "password": "correct horse" });
        let (status, cookie) = self.ask("POST", "/login", "", who).await;
        assert_eq!(status, StatusCode::OK);
        let cookie = cookie.as_str().and_then(|cookie| cookie.split(';').next());
        cookie.expect("there is one").to_owned()
    }

    /// What another program does to the database.
    fn behind_its_back(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.directory.path().join("db")).expect("SQLite opens");
        connection.execute_batch(sql).expect("SQLite runs it");
    }
}

fn manual() -> (ManualClock, World) {
    let time = ManualClock::new();
    let memory = LocalKvNamespace::builder().clock(time.clock()).build();
    let world = World::over(memory, time.clock());
    (time, world)
}

#[tokio::test]
async fn a_renamed_project_has_its_new_name_in_every_answer() {
    let world = World::over(LocalKvNamespace::new(), Clock::system());
    assert_eq!(world.get("/api/orgs/1/projects").await[6]["name"], "Project 07 of Birch Freight");
    assert_eq!(world.get("/api/orgs/1/projects/7").await["name"], "Project 07 of Birch Freight");
    let cookie = world.log_in().await;
    let (status, _) = world.ask("PUT", "/api/orgs/1/projects/7", &cookie, json!("Apollo")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(world.get("/api/orgs/1/projects").await[0]["name"], "Apollo");
    assert_eq!(world.get("/api/orgs/1/projects/7").await["name"], "Apollo");
}

#[tokio::test]
async fn what_another_program_writes_is_seen_after_five_minutes() {
    let (time, world) = manual();
    let settings = "/api/orgs/1/settings";
    assert_eq!(world.get(settings).await["theme"], "light");
    world.behind_its_back("UPDATE settings SET theme = 'dark'");
    time.advance(Duration::from_secs(299));
    assert_eq!(world.get(settings).await["theme"], "light");
    time.advance(Duration::from_secs(1));
    assert_eq!(world.get(settings).await["theme"], "dark");
}

#[tokio::test]
async fn a_session_that_nobody_uses_ends_after_half_an_hour() {
    let (time, world) = manual();
    let cookie = world.log_in().await;
    time.advance(Duration::from_mins(28));
    assert_eq!(world.ask("GET", "/api/me", &cookie, Value::Null).await.0, StatusCode::OK);
    time.advance(Duration::from_mins(28));
    assert_eq!(world.ask("GET", "/api/me", &cookie, Value::Null).await.0, StatusCode::OK);
    time.advance(Duration::from_mins(30));
    assert_eq!(world.ask("GET", "/api/me", &cookie, Value::Null).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_write_that_is_rolled_back_changes_nothing() {
    let world = World::over(LocalKvNamespace::new(), Clock::system());
    let before = world.get("/api/orgs/1/projects").await;
    let (cookie, names) = (world.log_in().await, vec!["Apollo"; 81]);
    // The eighty-first is one too many.
    let (status, _) = world.ask("POST", "/api/orgs/1/projects", &cookie, json!(names)).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(world.get("/api/orgs/1/projects").await, before);
    let (status, created) = world.ask("POST", "/api/orgs/1/projects", &cookie, json!(["Apollo"])).await;
    assert_eq!((status, &created[0]["name"]), (StatusCode::CREATED, &json!("Apollo")));
    assert_eq!(world.get("/api/orgs/1/projects").await.as_array().map(Vec::len), Some(21));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_between_a_write_and_its_commit_leave_nothing_stale() {
    let world = Arc::new(World::over(LocalKvNamespace::new(), Clock::system()));
    let (cookie, project) = (world.log_in().await, "/api/orgs/1/projects/7");
    let readers: Vec<_> = (0..4)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move {
                loop {
                    world.get(project).await;
                    // A hit is ready at once: four tasks of them alone would let nothing else run.
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for number in 0..200 {
        let name = json!(format!("Apollo {number}"));
        let (status, _) = world.ask("PUT", project, &cookie, name.clone()).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(world.get(project).await["name"], name);
    }
    for reader in readers {
        reader.abort();
        assert!(reader.await.is_err_and(|end| end.is_cancelled()));
    }
}

#[tokio::test]
async fn a_write_begins_one_barrier_and_ends_it() {
    let recording = RecordingBackend::new(LocalKvNamespace::new());
    let world = World::over(recording.clone(), Clock::system());
    let cookie = world.log_in().await;
    recording.forget();
    world.ask("PUT", "/api/orgs/1/projects/7", &cookie, json!("Apollo")).await;
    assert_eq!(recording.count(Operation::BeginWrite), 1);
    assert_eq!(recording.count(Operation::FinishWrite), 1);
}

#[tokio::test]
async fn a_cache_that_is_down_slows_reads_and_logs_nobody_out() {
    let faulty = FaultyBackend::new(LocalKvNamespace::new());
    let world = World::over(faulty.clone(), Clock::system());
    let cookie = world.log_in().await;
    faulty.set_all(Fault::Error);
    assert_eq!(world.get("/api/orgs/1/projects/7").await["name"], "Project 07 of Birch Freight");
    assert_eq!(world.get("/healthz").await["cache"], "down");
    let me = || world.ask("GET", "/api/me", &cookie, Value::Null);
    assert_eq!(me().await.0, StatusCode::SERVICE_UNAVAILABLE);
    faulty.heal();
    assert_eq!(me().await.0, StatusCode::OK);
}

#[tokio::test]
async fn without_its_cache_it_asks_the_database_each_time() {
    let world = World::over(LocalKvNamespace::new(), Clock::system());
    world.cache.disable();
    let settings = "/api/orgs/1/settings";
    assert_eq!(world.get(settings).await["theme"], "light");
    world.behind_its_back("UPDATE settings SET theme = 'dark'");
    assert_eq!(world.get(settings).await["theme"], "dark");
    assert_eq!(world.get("/healthz").await["cache"], "disabled");
}

#[test]
fn no_two_key_templates_meet() {
    assert_key_map_sound();
}
