//! Sessions where changes are not atomic, as on Cloudflare KV: what is promised there.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{LocalKvNamespace, SessionStore};
use tokio::task::JoinSet;

use crate::backend::Watched;
use crate::{data, service, store};

fn weak() -> (ManualClock, SessionStore<u64>) {
    let time = ManualClock::new();
    let inner = LocalKvNamespace::builder().clock(time.clock()).build();
    (time.clone(), store(&service(&time, Arc::new(Watched::weak(inner)))))
}

#[tokio::test]
async fn one_after_another_everything_is_as_elsewhere() {
    let (time, sessions) = weak();
    let first = sessions.create(&1).await.expect("it answers");
    assert_eq!(sessions.update(first.expose(), |data| *data += 1).await.expect("it answers"), Some(2));
    let second = sessions.rotate_for(first.expose(), "ada").await.expect("it answers").expect("it is open");
    assert_eq!(data(&sessions, first.expose()).await, None);
    assert_eq!(data(&sessions, second.expose()).await, Some(2));
    sessions.destroy_all("ada").await.expect("it answers");
    assert_eq!(data(&sessions, second.expose()).await, None);
    let third = sessions.create_for("ada", &3).await.expect("it answers");
    assert_eq!(data(&sessions, third.expose()).await, Some(3));
    assert!(sessions.destroy(third.expose()).await.expect("it answers"));
    assert_eq!(data(&sessions, third.expose()).await, None);
    let fourth = sessions.create(&4).await.expect("it answers");
    time.advance(Duration::from_mins(20));
    assert_eq!(data(&sessions, fourth.expose()).await, Some(4));
    time.advance(Duration::from_mins(20));
    assert_eq!(data(&sessions, fourth.expose()).await, Some(4));
    time.advance(Duration::from_mins(31));
    assert_eq!(data(&sessions, fourth.expose()).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_or_use_that_is_under_way_opens_an_ended_session_again_without_atomic_changes() {
    for round in 0..40 {
        let (time, sessions) = weak();
        let token = sessions.create(&0).await.expect("it answers");
        time.advance(Duration::from_mins(5));
        let mut tasks = JoinSet::new();
        for number in 0..6 {
            let (sessions, token) = (sessions.clone(), token.clone());
            tasks.spawn(async move {
                for _ in 0..5 {
                    if number % 2 == 0 {
                        sessions.update(token.expose(), |data| *data += 1).await.expect("it answers");
                    } else {
                        data(&sessions, token.expose()).await;
                    }
                }
            });
        }
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        let new = if round % 2 == 0 {
            sessions.destroy(token.expose()).await.expect("it answers");
            None
        } else {
            sessions.rotate(token.expose()).await.expect("it answers")
        };
        assert_eq!(data(&sessions, token.expose()).await, None);
        tasks.join_all().await;
        assert_eq!(data(&sessions, token.expose()).await, None);
        if let Some(new) = new {
            assert!(data(&sessions, new.expose()).await.is_some());
        }
    }
}
