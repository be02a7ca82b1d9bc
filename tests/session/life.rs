//! Sessions from their beginning to their end, and what ends them.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{Backend, CacheError, Codec, KvCacheService, LocalKvNamespace, SessionStore};
use serde::{Deserialize, Serialize};

use crate::{data, in_memory, store};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Cart {
    items: Vec<String>,
    secret: Option<String>,
}

#[tokio::test]
async fn a_session_is_created_read_changed_and_ended() {
    let (time, cache) = in_memory();
    let sessions: SessionStore<Cart> = SessionStore::builder(&cache).build().expect("it can be built");
    let empty = Cart { items: Vec::new(), secret: Some("s3cret".into()) };
    let token = sessions.create(&empty).await.expect("memory answers");
    let session = sessions.get(token.expose()).await.expect("memory answers").expect("it is open");
    assert_eq!((&session.data, session.user.as_deref()), (&empty, None));
    assert_eq!(session.created, time.clock().unix_time());
    assert_eq!(session.ends, session.created + Duration::from_hours(12));
    assert!(!format!("{session:?} {token:?} {sessions:?}").contains("s3cret"));
    let changed = sessions.update(token.expose(), |cart| cart.items.push("lamp".into())).await;
    let changed = changed.expect("memory answers").expect("it is open");
    assert_eq!(changed.items, ["lamp"]);
    let found = sessions.get(token.expose()).await.expect("memory answers").expect("it is open");
    assert_eq!(found.data, changed);
    assert!(sessions.destroy(token.expose()).await.expect("memory answers"));
    assert!(!sessions.destroy(token.expose()).await.expect("memory answers"));
    assert_eq!(sessions.update(token.expose(), |_| ()).await.expect("memory answers"), None);
}

#[tokio::test]
async fn an_unused_session_ends_with_its_idle_timeout_and_a_used_one_does_not() {
    let (time, cache) = in_memory();
    let sessions = store(&cache);
    let (used, unused) = (sessions.create(&1).await, sessions.create(&2).await);
    let (used, unused) = (used.expect("memory answers"), unused.expect("memory answers"));
    for _ in 0..4 {
        time.advance(Duration::from_mins(15) - Duration::from_nanos(1));
        assert_eq!(data(&sessions, used.expose()).await, Some(1));
    }
    assert_eq!(data(&sessions, unused.expose()).await, None);
    // To the nanosecond from the last use that was noted.
    time.advance(Duration::from_mins(30) - Duration::from_nanos(1));
    assert_eq!(data(&sessions, used.expose()).await, Some(1));
    time.advance(Duration::from_mins(30));
    assert_eq!(data(&sessions, used.expose()).await, None);
}

#[tokio::test]
async fn a_use_within_a_minute_is_not_noted_and_costs_no_write() {
    let (time, cache) = in_memory();
    let sessions = store(&cache);
    let token = sessions.create(&1).await.expect("memory answers");
    time.advance(Duration::from_secs(59));
    assert_eq!(data(&sessions, token.expose()).await, Some(1));
    time.advance(Duration::from_mins(29));
    assert_eq!(data(&sessions, token.expose()).await, Some(1), "31 seconds before its end");
    time.advance(Duration::from_mins(30) - Duration::from_nanos(1));
    assert_eq!(data(&sessions, token.expose()).await, Some(1), "that use was noted");
}

#[tokio::test]
async fn a_busy_session_ends_with_its_absolute_timeout() {
    let (time, cache) = in_memory();
    let sessions = store(&cache);
    let token = sessions.create(&1).await.expect("memory answers");
    for _ in 0..12 * 4 - 1 {
        time.advance(Duration::from_mins(15));
        assert_eq!(data(&sessions, token.expose()).await, Some(1));
        assert_eq!(sessions.update(token.expose(), |_| ()).await.expect("memory answers"), Some(1));
    }
    time.advance(Duration::from_mins(15) - Duration::from_millis(1));
    assert_eq!(data(&sessions, token.expose()).await, Some(1));
    time.advance(Duration::from_millis(1));
    assert_eq!(data(&sessions, token.expose()).await, None);
    assert_eq!(sessions.update(token.expose(), |_| ()).await.expect("memory answers"), None);
    assert!(sessions.rotate(token.expose()).await.expect("memory answers").is_none());
}

#[tokio::test]
async fn a_rotation_keeps_the_absolute_timeout_and_a_login_begins_it_anew() {
    let (time, cache) = in_memory();
    let sessions = SessionStore::<u64>::builder(&cache).idle_timeout(Duration::from_hours(12));
    let sessions = sessions.build().expect("it can be built");
    let first = sessions.create(&1).await.expect("memory answers");
    time.advance(Duration::from_hours(6));
    let second = sessions.rotate(first.expose()).await.expect("memory answers").expect("it is open");
    time.advance(Duration::from_hours(5));
    let third =
        sessions.rotate_for(second.expose(), "ada").await.expect("memory answers").expect("it is open");
    time.advance(Duration::from_hours(11));
    assert_eq!(data(&sessions, third.expose()).await, Some(1));
    time.advance(Duration::from_hours(1));
    assert_eq!(data(&sessions, third.expose()).await, None);
    let first = sessions.create(&1).await.expect("memory answers");
    time.advance(Duration::from_hours(6));
    let second = sessions.rotate(first.expose()).await.expect("memory answers").expect("it is open");
    time.advance(Duration::from_hours(6));
    assert_eq!(data(&sessions, second.expose()).await, None);
}

#[tokio::test]
async fn all_of_a_users_sessions_end_together_and_nobody_elses() {
    let (_, cache) = in_memory();
    let sessions = store(&cache);
    let create = async |user: &str, data| sessions.create_for(user, &data).await.expect("memory answers");
    let ada = [create("ada", 1).await, create("ada", 2).await];
    let others = [create("bob", 3).await, create("ada:x", 4).await, create("*", 5).await];
    let nobody = sessions.create(&6).await.expect("memory answers");
    let session = sessions.get(ada[0].expose()).await.expect("memory answers").expect("it is open");
    assert_eq!(session.user.as_deref(), Some("ada"));
    sessions.destroy_all("ada").await.expect("memory answers");
    for token in &ada {
        assert_eq!(data(&sessions, token.expose()).await, None);
        assert!(sessions.rotate(token.expose()).await.expect("memory answers").is_none());
    }
    for token in others.iter().chain([&nobody]) {
        assert!(data(&sessions, token.expose()).await.is_some());
    }
    let again = create("ada", 7).await;
    assert_eq!(data(&sessions, again.expose()).await, Some(7));
    sessions.destroy_all("*").await.expect("memory answers");
    assert!(data(&sessions, again.expose()).await.is_some(), "no name is a pattern");
}

#[tokio::test]
async fn what_is_known_of_a_user_outlives_the_sessions_and_no_more() {
    let (time, cache) = in_memory();
    let sessions = store(&cache);
    let old = sessions.create_for("ada", &1).await.expect("memory answers");
    for _ in 0..3 {
        time.advance(Duration::from_hours(11));
        let token = sessions.create_for("ada", &2).await.expect("memory answers");
        for _ in 0..40 {
            time.advance(Duration::from_mins(16));
            assert_eq!(data(&sessions, token.expose()).await, Some(2));
        }
    }
    assert_eq!(data(&sessions, old.expose()).await, None);
    time.advance(Duration::from_hours(13));
    let left = cache.backend().list(cache_runtime::ListOptions::default()).await.expect("memory answers");
    assert_eq!(left.keys, []);
}

#[tokio::test]
async fn clear_logs_nobody_out_and_no_key_shows() {
    let (_, cache) = in_memory();
    let sessions = store(&cache);
    let token = sessions.create_for("ada", &1).await.expect("memory answers");
    assert_eq!(cache.keys("*").await.expect("memory answers"), Vec::<String>::new());
    cache.clear().await.expect("memory answers");
    assert_eq!(data(&sessions, token.expose()).await, Some(1));
}

#[tokio::test]
async fn services_of_other_prefixes_have_other_sessions() {
    let backend: Arc<dyn Backend> = Arc::new(LocalKvNamespace::new());
    let of = |prefix: &str| {
        let cache = KvCacheService::builder(Arc::clone(&backend)).prefix(prefix).codec(Codec::Json).build();
        store(&cache.expect("a valid prefix"))
    };
    let token = of("app").create(&1).await.expect("memory answers");
    assert_eq!(data(&of("billing"), token.expose()).await, None);
    assert_eq!(data(&of("app"), token.expose()).await, Some(1));
}

#[tokio::test]
async fn a_session_of_another_type_counts_as_over() {
    let (_, cache) = in_memory();
    let token = store(&cache).create(&1).await.expect("memory answers");
    let others: SessionStore<Cart> = SessionStore::builder(&cache).build().expect("it can be built");
    assert!(others.get(token.expose()).await.expect("memory answers").is_none());
}

#[tokio::test]
async fn timeouts_that_cannot_be_kept_are_refused_with_the_fix() {
    let (_, cache) = in_memory();
    let limited = LocalKvNamespace::builder().cloudflare_limits().build();
    let limited = KvCacheService::builder(Arc::new(limited)).build().expect("a valid prefix");
    let build = |cache, idle, absolute| {
        SessionStore::<u64>::builder(cache).idle_timeout(idle).absolute_timeout(absolute).build()
    };
    let (none, hour, second) = (Duration::ZERO, Duration::from_hours(1), Duration::from_secs(1));
    for (cache, idle, absolute, name) in
        [(&cache, none, hour, "idle"), (&cache, hour, none, "absolute"), (&limited, second, hour, "idle")]
    {
        let error = build(cache, idle, absolute).expect_err("it cannot be kept");
        assert!(matches!(&error, CacheError::Configuration(text) if text.contains(name)), "{error}");
    }
    assert!(build(&cache, hour, Duration::MAX).is_err());
    // What is left of a session may be less than the backend keeps: it ends all the same.
    assert!(build(&limited, hour, hour).is_ok());
}
