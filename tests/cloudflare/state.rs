//! Sessions and limits on Cloudflare KV: all that can be promised where no change is atomic.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{KvCacheService, Quota, RateLimiter, SessionStore};
use serde_json::json;
use tokio::task::JoinSet;

use crate::server::{self, Namespace};

const MINUTE: Duration = Duration::from_mins(1);

fn service(namespace: &Namespace) -> KvCacheService {
    let cache = KvCacheService::builder(Arc::new(namespace.backend())).timeout(2 * MINUTE);
    cache.build().expect("a valid prefix")
}

#[tokio::test]
async fn a_session_on_kv_is_created_changed_rotated_and_ended() {
    let Some(namespace) = server::namespace() else { return };
    let sessions = SessionStore::<u64>::builder(&service(&namespace)).build().expect("it can be built");
    let data = async |token: &str| sessions.get(token).await.expect("it answers").map(|session| session.data);

    let planted = sessions.create(&1).await.expect("it answers");
    assert_eq!(sessions.update(planted.expose(), |data| *data += 1).await.expect("it answers"), Some(2));
    let token = sessions.rotate_for(planted.expose(), "ada").await.expect("it answers").expect("it is open");
    assert_eq!(data(planted.expose()).await, None);
    assert_eq!(data(token.expose()).await, Some(2));

    let other = sessions.create_for("ada", &3).await.expect("it answers");
    assert!(sessions.destroy(token.expose()).await.expect("it answers"));
    assert!(!sessions.destroy(token.expose()).await.expect("it answers"), "replayed");
    assert_eq!((data(token.expose()).await, data(other.expose()).await), (None, Some(3)));
    sessions.destroy_all("ada").await.expect("it answers");
    assert_eq!(data(other.expose()).await, None);

    // Every session has an end, and nothing that is stored is a token. The user's generation stays.
    let again = sessions.create_for("ada", &4).await.expect("it answers");
    let listed = namespace.binding(json!([["list", {}]])).await;
    let keys = listed[0]["keys"].as_array().expect("there are keys");
    let endless: Vec<_> = keys.iter().filter(|key| key["expiration"].is_null()).collect();
    assert!(endless.len() == 1 && endless[0]["name"] == "app.session:user:ada" && keys.len() > 3, "{keys:?}");
    assert!(!listed[0].to_string().contains(again.expose()));
}

#[tokio::test]
async fn of_changes_at_once_on_kv_the_last_one_stands_whole() {
    let Some(namespace) = server::namespace() else { return };
    let sessions = SessionStore::<[u64; 2]>::builder(&service(&namespace)).build().expect("it can be built");
    let token = sessions.create(&[0, 0]).await.expect("it answers");
    let mut tasks = JoinSet::new();
    for number in 1..=10 {
        let (sessions, token) = (sessions.clone(), token.clone());
        tasks.spawn(async move { sessions.update(token.expose(), |data| *data = [number, number]).await });
    }
    for changed in tasks.join_all().await {
        assert!(changed.expect("it answers").is_some());
    }
    let [first, second] = sessions.get(token.expose()).await.expect("it answers").expect("it is open").data;
    assert!(first == second && (1..=10).contains(&first), "{first} {second}");
}

#[tokio::test]
async fn a_limit_on_kv_is_about_that_much_and_has_to_be_asked_for() {
    let Some(namespace) = server::namespace() else { return };
    let cache = service(&namespace);
    for (name, quota) in [("window", Quota::window(5, MINUTE)), ("smooth", Quota::smooth(5, 60 * MINUTE))] {
        let refused =
            RateLimiter::new(&cache, name, quota).expect_err("it cannot keep its limit").to_string();
        assert!(refused.contains("`approximate()`"), "{refused}");
        let limiter =
            RateLimiter::builder(&cache, name, quota).approximate().build().expect("it may be built");
        for remaining in (0..5).rev() {
            let decision = limiter.check("ada").await.expect("it answers");
            assert_eq!((decision.allowed, decision.remaining), (true, remaining), "one after another");
        }
        assert!(!limiter.check("ada").await.expect("it answers").allowed);
        assert!(limiter.check("bob").await.expect("it answers").allowed);
    }
    let listed = namespace.binding(json!([["list", {}]])).await;
    let keys = listed[0]["keys"].as_array().expect("there are keys");
    assert!(keys.len() == 4 && keys.iter().all(|key| key["expiration"].is_u64()), "{keys:?}");
}
