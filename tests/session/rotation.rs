//! Rotations that are dropped or fail between any two steps, or that others come between.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{Backend, ListOptions, LocalKvNamespace, PutOptions, SessionStore, SessionToken};

use crate::backend::Watched;
use crate::{data, in_memory, service, store};

/// Half an hour: how long a session lasts after its last use.
const IDLE: Duration = Duration::from_mins(30);

/// One store by two ways: with others between any two steps, and at once.
struct Both {
    time: ManualClock,
    inner: LocalKvNamespace,
    backend: Watched,
    slow: SessionStore<u64>,
    quick: SessionStore<u64>,
}

impl Both {
    fn new() -> Self {
        let (time, _) = in_memory();
        let inner = LocalKvNamespace::builder().clock(time.clock()).build();
        let backend = Watched::atomic(inner.clone());
        let slow = store(&service(&time, Arc::new(backend.clone())));
        let quick = store(&service(&time, Arc::new(inner.clone())));
        Self { time, inner, backend, slow, quick }
    }

    /// A session with a 7, under a new token: of the rotation nothing came after the move.
    async fn unsettled(&self) -> (SessionToken, SessionToken) {
        let old = self.quick.create(&7).await.expect("it answers");
        self.backend.fail_compare_and_set(3);
        let new = self.slow.rotate(old.expose()).await.expect("it has moved").expect("it was open");
        assert_eq!(self.kinds().await, ["follows", "moved"]);
        (old, new)
    }

    /// The keys of the sessions and what stands there.
    async fn stored(&self) -> Vec<(String, String)> {
        let options = ListOptions { prefix: "app.session:session:".into(), ..ListOptions::default() };
        let mut stored = Vec::new();
        for key in self.inner.list(options).await.expect("it answers").keys {
            let entry = self.inner.get(&key.name).await.expect("it answers").expect("it is there");
            stored.push((key.name, String::from_utf8_lossy(&entry.value).into_owned()));
        }
        stored
    }

    /// What is stored of sessions, by the first word.
    async fn kinds(&self) -> Vec<String> {
        let word = |(_, text): (_, String)| text.split('"').nth(1).unwrap_or_default().to_owned();
        let mut kinds: Vec<_> = self.stored().await.into_iter().map(word).collect();
        kinds.sort();
        kinds
    }

    /// Takes away what begins with a word, as an engine that is full.
    async fn evict(&self, word: &str) -> bool {
        for (key, text) in self.stored().await {
            if text.starts_with(&format!("{{\"{word}\"")) {
                return self.inner.delete(&key).await.expect("it answers");
            }
        }
        false
    }
}

fn poll<T>(future: &mut (impl Future<Output = T> + Unpin)) -> Option<T> {
    match std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

/// Polls a future so many times and drops it; what it gave if it was over by then.
fn abandon<T>(future: impl Future<Output = T>, polls: usize) -> Option<T> {
    let mut future = Box::pin(future);
    (0..polls).find_map(|_| poll(&mut future))
}

#[tokio::test]
async fn a_rotation_that_is_dropped_anywhere_leaves_no_second_good_token() {
    let mut left = BTreeSet::new();
    for polls in 0..60 {
        let both = Both::new();
        let old = both.quick.create_for("ada", &7).await.expect("it answers");
        let token = abandon(both.slow.rotate(old.expose()), polls);
        let old_is_open = data(&both.quick, old.expose()).await.is_some();
        let kinds = both.kinds().await;
        match token {
            Some(token) => {
                let token = token.expect("it answers").expect("it was open");
                assert!(!old_is_open);
                assert_eq!(data(&both.quick, token.expose()).await, Some(7));
            }
            // Then nobody has the new token, or the old one goes on and can be rotated again.
            None if old_is_open => {
                let token = both.slow.rotate(old.expose()).await.expect("it answers").expect("it is open");
                assert_eq!(data(&both.quick, token.expose()).await, Some(7));
                assert_eq!(data(&both.quick, old.expose()).await, None);
            }
            None => {}
        }
        left.insert((old_is_open, kinds.join(" ")));
    }
    // It was dropped between any two steps.
    let (open, moved) = (["follows open", "open"], ["follows moved", "moved open", "open over"]);
    let all = open.map(|kinds| (true, kinds.into())).into_iter();
    assert_eq!(left, all.chain(moved.map(|kinds| (false, kinds.into()))).collect());
}

#[tokio::test]
async fn a_rotation_that_fails_before_it_moved_leaves_the_old_token_and_after_it_the_new_one() {
    for which in 1..=4 {
        let both = Both::new();
        let old = both.quick.create(&7).await.expect("it answers");
        both.backend.fail_compare_and_set(which);
        let rotated = both.slow.rotate(old.expose()).await;
        if which < 3 {
            assert!(rotated.is_err());
            assert_eq!(data(&both.slow, old.expose()).await, Some(7));
            continue;
        }
        // Only what may come later has failed; the first reader of the new one sees to that.
        let new = rotated.expect("it has moved").expect("it was open");
        assert_eq!(data(&both.slow, old.expose()).await, None);
        for _ in 0..5 {
            both.time.advance(IDLE.saturating_sub(Duration::from_nanos(1)));
            assert_eq!(data(&both.slow, new.expose()).await, Some(7));
            both.time.advance(Duration::from_mins(29));
            assert_eq!(data(&both.slow, new.expose()).await, Some(7));
        }
        assert_eq!(both.slow.update(new.expose(), |data| *data += 1).await.expect("it answers"), Some(8));
        both.time.advance(IDLE);
        assert_eq!(data(&both.slow, new.expose()).await, None);
        assert_eq!(both.stored().await, [], "nothing is kept for ever");
    }
}

#[tokio::test]
async fn a_session_that_was_not_settled_ends_with_its_idle_timeout_and_nothing_is_left() {
    let both = Both::new();
    let (_, new) = both.unsettled().await;
    both.time.advance(IDLE);
    assert_eq!(data(&both.slow, new.expose()).await, None);
    both.time.advance(Duration::from_mins(1));
    assert_eq!(both.stored().await, []);
}

#[tokio::test]
async fn what_is_done_to_a_session_that_was_not_settled_is_done_to_it() {
    let both = Both::new();
    let (old, new) = both.unsettled().await;
    assert_eq!(both.slow.update(new.expose(), |data| *data += 1).await.expect("it answers"), Some(8));
    assert_eq!(both.kinds().await, ["open", "over"]);
    let newer = both.slow.rotate(new.expose()).await.expect("it answers").expect("it is open");
    assert_eq!(data(&both.slow, newer.expose()).await, Some(8));
    assert_eq!(data(&both.slow, new.expose()).await, None);
    assert_eq!(data(&both.slow, old.expose()).await, None);

    let both = Both::new();
    let (_, new) = both.unsettled().await;
    let newer = both.slow.rotate(new.expose()).await.expect("it answers").expect("it is open");
    assert_eq!(data(&both.slow, newer.expose()).await, Some(7));
    assert_eq!(data(&both.slow, new.expose()).await, None);

    let both = Both::new();
    let (old, new) = both.unsettled().await;
    assert!(!both.slow.destroy(old.expose()).await.expect("it answers"));
    assert!(both.slow.destroy(new.expose()).await.expect("it answers"));
    assert!(!both.slow.destroy(new.expose()).await.expect("it answers"));
    assert_eq!(data(&both.slow, new.expose()).await, None);
    assert_eq!(both.kinds().await, ["over", "over"]);
}

#[tokio::test]
async fn a_session_that_another_settles_meanwhile_is_found() {
    for polls in 0..20 {
        for change in [false, true] {
            let both = Both::new();
            let (_, new) = both.unsettled().await;
            let mut get = Box::pin(data(&both.slow, new.expose()));
            let mut found = (0..polls).find_map(|_| poll(&mut get));
            let expected = if change && found.is_none() { vec![Some(7), Some(8)] } else { vec![Some(7)] };
            if change {
                both.quick.update(new.expose(), |data| *data += 1).await.expect("it answers");
            } else {
                assert_eq!(data(&both.quick, new.expose()).await, Some(7));
            }
            if found.is_none() {
                found = Some(get.await);
            }
            assert!(found.is_some_and(|found| expected.contains(&found)), "{polls} {found:?}");
        }
    }
}

#[tokio::test]
async fn an_end_beside_one_who_settles_stands() {
    for polls in 0..20 {
        let both = Both::new();
        let (_, new) = both.unsettled().await;
        let mut update = Box::pin(both.slow.update(new.expose(), |data| *data += 1));
        let over = (0..polls).any(|_| poll(&mut update).is_some());
        assert!(both.quick.destroy(new.expose()).await.expect("it answers"));
        if !over {
            // The change may have come before the end.
            update.await.expect("it answers");
        }
        assert_eq!(data(&both.quick, new.expose()).await, None, "{polls}");
    }
}

#[tokio::test]
async fn a_stub_alone_is_no_session() {
    let both = Both::new();
    let (_, new) = both.unsettled().await;
    assert!(both.evict("moved").await);
    assert_eq!(data(&both.slow, new.expose()).await, None);
    assert_eq!(both.slow.update(new.expose(), |_| ()).await.expect("it answers"), None);
    assert!(both.slow.rotate(new.expose()).await.expect("it answers").is_none());
    assert!(!both.slow.destroy(new.expose()).await.expect("it answers"));
    assert_eq!(both.kinds().await, ["follows"]);
}

#[tokio::test]
async fn a_stub_of_a_session_that_has_moved_elsewhere_is_no_session() {
    let both = Both::new();
    let (_, new) = both.unsettled().await;
    let before = both.stored().await;
    let stub = before.iter().find(|(_, text)| text.starts_with("{\"follows")).expect("it is there").1.clone();
    let other = both.quick.create(&8).await.expect("it answers");
    let key = both.stored().await.into_iter().find(|stored| !before.contains(stored)).expect("it is there").0;
    both.inner.put(&key, stub.into(), PutOptions::default()).await.expect("it answers");
    assert_eq!(data(&both.slow, other.expose()).await, None);
    assert_eq!(data(&both.slow, new.expose()).await, Some(7));
    assert_eq!(data(&both.slow, other.expose()).await, None);
}

#[tokio::test]
async fn a_stub_that_is_evicted_is_a_session_that_is_over() {
    let mut evicted = 0;
    for polls in 0..20 {
        let both = Both::new();
        let old = both.quick.create(&7).await.expect("it answers");
        let mut rotation = Box::pin(both.slow.rotate(old.expose()));
        if (0..polls).any(|_| poll(&mut rotation).is_some()) || !both.evict("follows").await {
            continue;
        }
        evicted += 1;
        let new = rotation.await.expect("it answers").expect("it was open");
        assert_eq!(data(&both.quick, old.expose()).await, None);
        assert_eq!(data(&both.quick, new.expose()).await, None);
    }
    assert!(evicted > 0);
}

#[tokio::test]
async fn a_rotation_is_not_starved_by_changes() {
    for first in 1..=3 {
        let both = Both::new();
        let old = both.quick.create(&0).await.expect("it answers");
        let mut rotation = Box::pin(both.slow.rotate(old.expose()));
        // A change comes before each third step of the rotation, for as long as it can.
        let (mut changes, mut next) = (0, first);
        let rotated = loop {
            if let Some(rotated) = poll(&mut rotation) {
                break rotated;
            }
            if both.backend.calls() >= next {
                next += 3;
                let data = both.quick.update(old.expose(), |data| *data += 1).await;
                changes += u64::from(data.expect("it answers").is_some());
            }
        };
        let new = rotated.expect("it is not given up").expect("it is open");
        assert_eq!(data(&both.quick, new.expose()).await, Some(changes));
        assert_eq!(data(&both.quick, old.expose()).await, None);
    }
}

#[tokio::test]
async fn a_rotation_that_others_always_come_before_is_given_up_while_the_clock_stands() {
    let both = Both::new();
    let old = both.quick.create(&0).await.expect("it answers");
    let mut rotation = Box::pin(both.slow.rotate(old.expose()));
    let rotated = loop {
        if let Some(rotated) = poll(&mut rotation) {
            break rotated;
        }
        both.quick.update(old.expose(), |data| *data += 1).await.expect("it answers");
    };
    assert!(rotated.is_err());
    assert!(data(&both.quick, old.expose()).await.is_some_and(|changes| changes > 100));
}
