//! Many at once: no change is lost, nobody is let in with a token that is over, and no two tokens are good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cache_runtime::{KvCacheService, LocalKvNamespace, SessionStore};
use tokio::task::JoinSet;

use crate::backend::Watched;
use crate::patient::connect;
use crate::server::{Kind, database};
use crate::{data, store};

/// Memory, memory that lets others come between any two steps, and a real server where there is one.
async fn everywhere() -> Vec<SessionStore<u64>> {
    let between = Watched::atomic(LocalKvNamespace::new());
    let between = KvCacheService::builder(Arc::new(between)).build().expect("a valid prefix");
    let mut stores = vec![store(&KvCacheService::in_memory()), store(&between)];
    if let Some((server, database)) = database(Kind::Redis) {
        stores.push(store(&connect(&server.url(database)).await));
    }
    stores
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_of_many_at_once_is_lost() {
    for sessions in everywhere().await {
        let token = sessions.create_for("ada", &0).await.expect("it answers");
        let mut tasks = JoinSet::new();
        for _ in 0..20 {
            let (sessions, token) = (sessions.clone(), token.clone());
            tasks.spawn(async move {
                for _ in 0..10 {
                    let changed = sessions.update(token.expose(), |data| *data += 1).await;
                    assert!(changed.expect("it is not given up").is_some());
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(data(&sessions, token.expose()).await, Some(200), "{sessions:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_change_beside_a_rotation_is_in_the_new_session_or_refused() {
    for sessions in everywhere().await {
        for _ in 0..40 {
            let token = sessions.create(&0).await.expect("it answers");
            let (other, old) = (sessions.clone(), token.clone());
            let writes = tokio::spawn(async move {
                let mut changed = 0;
                while other.update(old.expose(), |data| *data += 1).await.expect("it answers").is_some() {
                    changed += 1;
                }
                changed
            });
            tokio::task::yield_now().await;
            let new = sessions.rotate(token.expose()).await.expect("it answers").expect("it is open");
            assert_eq!(data(&sessions, token.expose()).await, None);
            let changed = writes.await.expect("it does not panic");
            assert_eq!(data(&sessions, new.expose()).await, Some(changed), "{sessions:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_rotations_at_once_one_gets_a_token() {
    for sessions in everywhere().await {
        for _ in 0..20 {
            let token = sessions.create(&7).await.expect("it answers");
            let mut tasks = JoinSet::new();
            for number in 0..6 {
                let (sessions, token) = (sessions.clone(), token.clone());
                tasks.spawn(async move {
                    if number % 2 == 0 {
                        sessions.rotate(token.expose()).await.expect("it answers")
                    } else {
                        sessions.rotate_for(token.expose(), "ada").await.expect("it answers")
                    }
                });
            }
            let tokens: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
            assert_eq!(tokens.len(), 1, "{sessions:?}");
            assert_eq!(data(&sessions, tokens[0].expose()).await, Some(7));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_beside_a_rotation_never_finds_the_old_token_good_after_the_new_one_is() {
    for sessions in everywhere().await {
        for _ in 0..40 {
            let token = sessions.create(&7).await.expect("it answers");
            let over = Arc::new(AtomicBool::new(false));
            let (reader, old, rotated) = (sessions.clone(), token.clone(), Arc::clone(&over));
            let reads = tokio::spawn(async move {
                let mut closed = false;
                loop {
                    let was_over = rotated.load(Ordering::SeqCst);
                    let open = data(&reader, old.expose()).await.is_some();
                    // Once closed it stays closed; and it is, once the new token was given.
                    assert!(!(open && (closed || was_over)));
                    closed |= !open;
                    if was_over {
                        return;
                    }
                }
            });
            tokio::task::yield_now().await;
            let new = sessions.rotate(token.expose()).await.expect("it answers").expect("it is open");
            over.store(true, Ordering::SeqCst);
            assert_eq!(data(&sessions, new.expose()).await, Some(7));
            reads.await.expect("no old token is good");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_rotation_and_an_end_at_once_one_is_told_that_it_was_first() {
    let (mut ended, mut moved) = (0, 0);
    for sessions in everywhere().await {
        for _ in 0..60 {
            let token = sessions.create_for("ada", &7).await.expect("it answers");
            let (other, old) = (sessions.clone(), token.clone());
            let end = tokio::spawn(async move { other.destroy(old.expose()).await.expect("it answers") });
            let rotated = sessions.rotate(token.expose()).await.expect("it answers");
            let was_ended = end.await.expect("it does not panic");
            assert_eq!(was_ended, rotated.is_none(), "either it is over, or it goes on under the new token");
            if let Some(new) = rotated {
                assert_eq!(data(&sessions, new.expose()).await, Some(7));
            }
            assert_eq!(data(&sessions, token.expose()).await, None);
            (ended, moved) = (ended + u32::from(was_ended), moved + u32::from(!was_ended));
        }
    }
    println!("{ended} ended first, {moved} moved first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_change_or_use_that_is_under_way_opens_an_ended_session_again() {
    for sessions in everywhere().await {
        for _ in 0..30 {
            let token = sessions.create(&0).await.expect("it answers");
            let mut tasks = JoinSet::new();
            for _ in 0..4 {
                let (sessions, token) = (sessions.clone(), token.clone());
                tasks.spawn(async move {
                    while sessions
                        .update(token.expose(), |data| *data += 1)
                        .await
                        .expect("it answers")
                        .is_some()
                    {
                        data(&sessions, token.expose()).await;
                    }
                });
            }
            tokio::task::yield_now().await;
            assert!(sessions.destroy(token.expose()).await.expect("it answers"));
            assert_eq!(data(&sessions, token.expose()).await, None);
            tasks.join_all().await;
            assert_eq!(data(&sessions, token.expose()).await, None, "{sessions:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_session_from_before_the_end_of_all_is_open_after_it_and_each_from_after_is() {
    for sessions in everywhere().await {
        let (begun, ended) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..6 {
            let (sessions, begun, ended) = (sessions.clone(), Arc::clone(&begun), Arc::clone(&ended));
            tasks.spawn(async move {
                for _ in 0..25 {
                    let over_before = ended.load(Ordering::SeqCst);
                    let token = sessions.create_for("ada", &1).await.expect("it answers");
                    let begun_before = begun.load(Ordering::SeqCst);
                    let open = data(&sessions, token.expose()).await.is_some();
                    let (begun_since, over_since) =
                        (begun.load(Ordering::SeqCst), ended.load(Ordering::SeqCst));
                    // None was under way from the beginning to the end: it is open.
                    assert!(open || begun_since > over_before);
                    // One has begun and ended since: it is over now.
                    if over_since > begun_before {
                        assert_eq!(data(&sessions, token.expose()).await, None);
                    }
                }
            });
        }
        for _ in 0..20 {
            begun.fetch_add(1, Ordering::SeqCst);
            sessions.destroy_all("ada").await.expect("it answers");
            ended.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
        tasks.join_all().await;
        let token = sessions.create_for("ada", &2).await.expect("it answers");
        assert_eq!(data(&sessions, token.expose()).await, Some(2));
    }
}
