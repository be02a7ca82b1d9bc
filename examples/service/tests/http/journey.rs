//! What clients do, by two instances that may be one.

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::instance::Instance;

/// What one instance writes, the other reads at once.
pub(crate) async fn readers_and_writers(first: &Instance, second: &Instance) {
    let (list, project, settings) =
        ("/api/orgs/1/projects", "/api/orgs/1/projects/7", "/api/orgs/1/settings");
    for path in [list, project, settings] {
        assert_eq!(first.get(path).await.body, second.get(path).await.body);
        assert!(!first.put(path, "", json!("Apollo")).await.is_success());
    }
    assert_eq!(first.put(project, "", json!("Apollo")).await, StatusCode::UNAUTHORIZED);
    assert_eq!(first.get("/api/orgs/1/projects/700").await.status, StatusCode::NOT_FOUND);
    let (ada, bo) = (first.log_in("ada@birch.example").await, first.log_in("bo@rowan.example").await);
    assert_eq!(first.put(project, &bo, json!("Apollo")).await, StatusCode::FORBIDDEN);

    for number in 0..20 {
        let (writer, reader) = if number % 2 == 0 { (first, second) } else { (second, first) };
        let name = json!(format!("0 Apollo {number}"));
        assert_eq!(writer.put(project, &ada, name.clone()).await, StatusCode::OK);
        assert_eq!(reader.get(project).await.body["name"], name);
        assert_eq!(reader.get(list).await.body[0]["name"], name);
        let set = json!({ "theme": format!("theme {number}"), "project_limit": 22 });
        assert_eq!(writer.put(settings, &ada, set.clone()).await, StatusCode::OK);
        assert_eq!(reader.get(settings).await.body, set);
    }

    let count = async |instance: &Instance| instance.get(list).await.body.as_array().map(Vec::len);
    let before = count(first).await;
    // All or nothing: the limit is 22.
    assert_eq!(first.post(list, &ada, json!(["A", "B", "C"])).await, StatusCode::CONFLICT);
    assert_eq!((count(first).await, count(second).await), (before, before));
    if before == Some(20) {
        assert_eq!(second.post(list, &ada, json!(["A", "B"])).await, StatusCode::CREATED);
        assert_eq!((count(first).await, count(second).await), (Some(22), Some(22)));
    }
}

/// A session is open on both instances, or on none.
pub(crate) async fn sessions(first: &Instance, second: &Instance) {
    let me = async |instance: &Instance, cookie: &str| instance.get_as("/api/me", cookie).await.status;
    assert_eq!(me(first, "").await, StatusCode::UNAUTHORIZED);
    assert_eq!(me(first, "session=guessed").await, StatusCode::UNAUTHORIZED);
    let (one, other) = (first.log_in("ada@birch.example").await, second.log_in("ada@birch.example").await);
    assert_eq!(second.get_as("/api/me", &one).await.body, json!({ "email": "ada@birch.example", "org": 1 }));
    assert_eq!(second.post("/logout", &one, Value::Null).await, StatusCode::NO_CONTENT);
    assert_eq!(me(first, &one).await, StatusCode::UNAUTHORIZED);
    assert_eq!(me(first, &other).await, StatusCode::OK);
    assert_eq!(first.post("/logout/everywhere", &other, Value::Null).await, StatusCode::NO_CONTENT);
    assert_eq!(me(second, &other).await, StatusCode::UNAUTHORIZED);
}

/// Five a minute for each user, whoever is asked.
pub(crate) async fn tries_to_log_in(first: &Instance, second: &Instance) {
    for number in 0..7 {
        let instance = if number % 2 == 0 { first } else { second };
        let answer = instance.try_log_in("nobody@rowan.example", "a guess").await;
        if number < 5 {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        } else {
            assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
            let wait: u64 = answer.headers["retry-after"].to_str().expect("text").parse().expect("seconds");
            assert!((1..=60).contains(&wait), "{wait}");
        }
    }
}

pub(crate) async fn health_and_metrics(instance: &Instance) {
    let health = instance.get("/healthz").await;
    assert_eq!(health.body, json!({ "cache": "up", "pending_invalidations": 0 }));
    let metrics = instance.get("/metrics").await.text;
    let hits = metrics.lines().find(|line| line.starts_with("cache_hits{") && line.contains("list_projects"));
    let count = hits.and_then(|line| line.rsplit(' ').next()?.parse().ok());
    assert!(count.is_some_and(|count: u64| count > 0), "{metrics}");
}
