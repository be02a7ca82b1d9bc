//! Rotations that are dropped or fail between any two steps.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Waker};

use cache_runtime::LocalKvNamespace;

use crate::backend::Watched;
use crate::{data, in_memory, service, store};

/// Polls a future so many times and drops it; what it gave if it was over by then.
fn abandon<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        if let std::task::Poll::Ready(result) = future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
        {
            return Some(result);
        }
    }
    None
}

#[tokio::test]
async fn a_rotation_that_is_dropped_anywhere_leaves_no_second_good_token() {
    let mut ended = false;
    let mut closed = 0;
    for polls in 0..60 {
        let (time, _) = in_memory();
        let inner = LocalKvNamespace::builder().clock(time.clock()).build();
        let sessions = store(&service(&time, Arc::new(Watched::atomic(inner))));
        let old = sessions.create_for("ada", &7).await.expect("it answers");
        let token = abandon(sessions.rotate(old.expose()), polls);
        let old_is_open = data(&sessions, old.expose()).await.is_some();
        match token {
            Some(token) => {
                let token = token.expect("it answers").expect("it was open");
                assert!(!old_is_open);
                assert_eq!(data(&sessions, token.expose()).await, Some(7));
                ended = true;
            }
            // Then nobody has the new token, or the old one goes on and can be rotated again.
            None if old_is_open => {
                let token = sessions.rotate(old.expose()).await.expect("it answers").expect("it is open");
                assert_eq!(data(&sessions, token.expose()).await, Some(7));
                assert_eq!(data(&sessions, old.expose()).await, None);
            }
            None => closed += 1,
        }
    }
    assert!(ended && closed > 0, "every place was tried");
}

#[tokio::test]
async fn a_rotation_that_fails_before_it_moved_leaves_the_old_token_and_after_it_the_new_one() {
    for which in 1..=3 {
        let (time, _) = in_memory();
        let inner = LocalKvNamespace::builder().clock(time.clock()).build();
        let backend = Watched::atomic(inner);
        let sessions = store(&service(&time, Arc::new(backend.clone())));
        let old = sessions.create(&7).await.expect("it answers");
        backend.fail_compare_and_set(which);
        let rotated = sessions.rotate(old.expose()).await;
        if which < 3 {
            assert!(rotated.is_err());
            assert_eq!(data(&sessions, old.expose()).await, Some(7));
            continue;
        }
        // Only that the new one forgets what it followed has failed; its first reader sees to that.
        let new = rotated.expect("it has moved").expect("it was open");
        assert_eq!(data(&sessions, old.expose()).await, None);
        let life = std::time::Duration::from_mins(29);
        for _ in 0..5 {
            assert_eq!(data(&sessions, new.expose()).await, Some(7));
            time.advance(life);
        }
        assert_eq!(sessions.update(new.expose(), |data| *data += 1).await.expect("it answers"), Some(8));
    }
}

#[tokio::test]
async fn a_change_of_a_session_that_was_not_settled_is_kept() {
    let (time, _) = in_memory();
    let backend = Watched::atomic(LocalKvNamespace::builder().clock(time.clock()).build());
    let sessions = store(&service(&time, Arc::new(backend.clone())));
    let old = sessions.create(&7).await.expect("it answers");
    backend.fail_compare_and_set(3);
    let new = sessions.rotate(old.expose()).await.expect("it has moved").expect("it was open");
    assert_eq!(sessions.update(new.expose(), |data| *data += 1).await.expect("it answers"), Some(8));
    let newer = sessions.rotate(new.expose()).await.expect("it answers").expect("it is open");
    assert_eq!(data(&sessions, newer.expose()).await, Some(8));
    assert_eq!(data(&sessions, new.expose()).await, None);
    assert_eq!(data(&sessions, old.expose()).await, None);
}
