//! The store under the middleware of `tower-sessions`, in real services of axum: what that project asks of each of its
//! stores.

use std::collections::HashMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get;
use cache_runtime::{KvCacheService, ListOptions, TowerSessionStore};
use http::header::{COOKIE, SET_COOKIE};
use http::{Request, Response, StatusCode};
use tower::ServiceExt;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::cookie::{Cookie, SameSite};
use tower_sessions::session::{Id, Record};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use crate::patient::connect;
use crate::server::{Kind, database};

/// A service on memory, and one on a real server where there is one.
async fn services() -> Vec<KvCacheService> {
    let mut services = vec![KvCacheService::in_memory()];
    if let Some((server, database)) = database(Kind::Redis) {
        services.push(connect(&server.url(database)).await);
    }
    services
}

fn store(cache: &KvCacheService) -> TowerSessionStore {
    TowerSessionStore::new(cache).expect("a valid prefix")
}

const HOUR: Expiry = Expiry::OnInactivity(Duration::hours(1));

fn app(cache: &KvCacheService, expiry: Expiry) -> Router {
    let put = async |session: Session| session.insert("number", 42).await.expect("it answers");
    let read =
        async |session: Session| format!("{:?}", session.get::<u64>("number").await.expect("it answers"));
    let remove = async |session: Session| drop(session.remove_value("number").await.expect("it answers"));
    let cycle = async |session: Session| session.cycle_id().await.expect("it answers");
    let flush = async |session: Session| session.flush().await.expect("it answers");
    let lengthen = async |session: Session| {
        session.set_expiry(Some(Expiry::AtDateTime(OffsetDateTime::now_utc() + Duration::days(1))));
    };
    let unset = async |session: Session| session.set_expiry(Some(Expiry::OnSessionEnd));
    Router::new()
        .route("/", get(async |_: Session| "nothing"))
        .route("/put", get(put))
        .route("/read", get(read))
        .route("/remove", get(remove))
        .route("/cycle", get(cycle))
        .route("/flush", get(flush))
        .route("/lengthen", get(lengthen))
        .route("/unset", get(unset))
        .layer(SessionManagerLayer::new(store(cache)).with_expiry(expiry).with_domain("localhost"))
}

async fn send(app: &Router, path: &str, id: Option<&str>) -> Response<Body> {
    let request =
        id.iter().fold(Request::get(path), |request, id| request.header(COOKIE, format!("id={id}")));
    let request = request.body(Body::empty()).expect("it is a request");
    let response = app.clone().oneshot(request).await.expect("axum always answers");
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    response
}

/// The cookie that an answer sets.
fn cookie(response: &Response<Body>) -> Option<Cookie<'static>> {
    let text = response.headers().get(SET_COOKIE)?.to_str().ok()?;
    Some(Cookie::parse(text.to_owned()).expect("it is a cookie"))
}

/// The id in the cookie of an answer.
fn id(response: &Response<Body>) -> String {
    cookie(response).expect("a cookie is set").value().to_owned()
}

async fn text(response: Response<Body>) -> String {
    let bytes = to_bytes(response.into_body(), 1_000).await.expect("it has a body");
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_about(cookie: &Cookie<'_>, length: Duration) -> bool {
    cookie.max_age().is_some_and(|age| age <= length && age > length - Duration::seconds(30))
}

#[tokio::test]
async fn a_session_that_is_not_used_sets_no_cookie() {
    for cache in services().await {
        assert_eq!(cookie(&send(&app(&cache, HOUR), "/", None).await), None);
        assert_eq!(text(send(&app(&cache, HOUR), "/read", None).await).await, "None");
    }
}

#[tokio::test]
async fn an_id_that_was_not_given_out_is_replaced() {
    for cache in services().await {
        let planted = "AAAAAAAAAAAAAAAAAAAAAA";
        assert_ne!(id(&send(&app(&cache, HOUR), "/put", Some(planted)).await), planted);
        // That of an id that cannot be read is taken away.
        assert_ne!(id(&send(&app(&cache, HOUR), "/", Some("malformed")).await), "malformed");
    }
}

#[tokio::test]
async fn what_is_put_into_a_session_is_read_from_it() {
    for cache in services().await {
        let app = app(&cache, HOUR);
        let response = send(&app, "/put", None).await;
        let set = cookie(&response).expect("a cookie is set");
        assert!(is_about(&set, Duration::hours(1)), "{set}");
        assert_eq!((set.name(), set.http_only(), set.secure()), ("id", Some(true), Some(true)));
        assert_eq!((set.same_site(), set.path()), (Some(SameSite::Strict), Some("/")));
        let id = id(&response);
        assert_eq!(text(send(&app, "/read", Some(&id)).await).await, "Some(42)");
        send(&app, "/remove", Some(&id)).await;
        assert_eq!(text(send(&app, "/read", Some(&id)).await).await, "None");
    }
}

#[tokio::test]
async fn a_session_under_a_new_id_keeps_what_is_in_it_and_the_old_id_is_worth_nothing() {
    for cache in services().await {
        let app = app(&cache, HOUR);
        let first = id(&send(&app, "/put", None).await);
        let second = id(&send(&app, "/cycle", Some(&first)).await);
        assert_ne!(first, second);
        assert_eq!(text(send(&app, "/read", Some(&second)).await).await, "Some(42)");
        assert_eq!(text(send(&app, "/read", Some(&first)).await).await, "None");
    }
}

#[tokio::test]
async fn a_session_that_is_flushed_is_gone_and_its_cookie_too() {
    for cache in services().await {
        let app = app(&cache, HOUR);
        let id = id(&send(&app, "/put", None).await);
        let removed = cookie(&send(&app, "/flush", Some(&id)).await).expect("a cookie is set");
        assert_eq!((removed.value(), removed.max_age()), ("", Some(Duration::ZERO)));
        assert_eq!((removed.domain(), removed.path()), (Some("localhost"), Some("/")));
        assert_eq!(text(send(&app, "/read", Some(&id)).await).await, "None");
    }
}

#[tokio::test]
async fn the_end_of_a_session_can_be_changed() {
    for cache in services().await {
        let app = app(&cache, Expiry::OnSessionEnd);
        let response = send(&app, "/put", None).await;
        assert_eq!(cookie(&response).expect("a cookie is set").max_age(), None);
        let id = id(&response);
        let longer = cookie(&send(&app, "/lengthen", Some(&id)).await).expect("a cookie is set");
        assert!(is_about(&longer, Duration::days(1)), "{longer}");
        let unset = cookie(&send(&app, "/unset", Some(&id)).await).expect("a cookie is set");
        assert_eq!(unset.max_age(), None);
        assert_eq!(text(send(&app, "/read", Some(&id)).await).await, "Some(42)");
    }
}

fn record(id: i128, life: Duration) -> Record {
    let data = HashMap::from([("name".to_owned(), "Ada".into())]);
    Record { id: Id(id), data, expiry_date: OffsetDateTime::now_utc() + life }
}

#[tokio::test]
async fn a_record_is_saved_loaded_and_deleted() {
    for cache in services().await {
        let store = store(&cache);
        let (first, second) = (record(1, Duration::hours(1)), record(-1, Duration::hours(2)));
        for record in [&first, &second] {
            store.save(record).await.expect("it answers");
            assert_eq!(store.load(&record.id).await.expect("it answers").as_ref(), Some(record));
        }
        let changed = Record { data: HashMap::new(), ..first.clone() };
        store.save(&changed).await.expect("it answers");
        assert_eq!(store.load(&first.id).await.expect("it answers"), Some(changed));
        store.delete(&first.id).await.expect("it answers");
        store.delete(&first.id).await.expect("to delete what is not there is no error");
        assert_eq!(store.load(&first.id).await.expect("it answers"), None);
        assert_eq!(store.load(&second.id).await.expect("it answers"), Some(second));
    }
}

#[tokio::test]
async fn a_new_record_whose_id_is_taken_gets_another() {
    for cache in services().await {
        let store = store(&cache);
        let mut first = record(7, Duration::hours(1));
        store.create(&mut first).await.expect("it answers");
        assert_eq!(first.id, Id(7));
        let mut second = Record { data: HashMap::new(), ..first.clone() };
        store.create(&mut second).await.expect("it answers");
        assert_ne!(second.id, Id(7));
        assert_eq!(store.load(&Id(7)).await.expect("it answers"), Some(first));
        assert_eq!(store.load(&second.id).await.expect("it answers"), Some(second));
    }
}

#[tokio::test]
async fn a_record_that_is_over_is_not_loaded_and_does_not_stay() {
    for cache in services().await {
        let store = store(&cache);
        store.save(&record(1, Duration::hours(1))).await.expect("it answers");
        // One that was there is gone when it is saved as over.
        store.save(&record(1, Duration::hours(-1))).await.expect("it answers");
        assert_eq!(store.load(&Id(1)).await.expect("it answers"), None);
        store.create(&mut record(2, Duration::seconds(-1))).await.expect("it answers");
        store.save(&record(3, Duration::milliseconds(200))).await.expect("it answers");
        assert!(store.load(&Id(3)).await.expect("it answers").is_some());
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        assert_eq!(store.load(&Id(3)).await.expect("it answers"), None);
        let left = cache.backend().list(ListOptions::default()).await.expect("it answers");
        assert_eq!(left.keys, []);
    }
}

#[tokio::test]
async fn who_reads_the_store_finds_no_id() {
    for cache in services().await {
        let app = app(&cache, HOUR);
        let id = id(&send(&app, "/put", None).await);
        let number = id.parse::<Id>().expect("it is an id").0.to_string();
        let keys = cache.backend().list(ListOptions::default()).await.expect("it answers").keys;
        assert_eq!(keys.len(), 1);
        let entry = cache.backend().get(&keys[0].name).await.expect("it answers").expect("it is there");
        let stored = format!("{} {}", keys[0].name, String::from_utf8_lossy(&entry.value));
        assert!(stored.contains("42") && !stored.contains(&id) && !stored.contains(&number), "{stored}");
    }
}
