//! Many callers at once: as if one after another.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::JoinSet;

use super::subject::{Subject, done};
use super::{holds, same};
use crate::backend::{Backend, PutOptions, Quota, Read};

/// Runs `task` this many times at once and returns all results.
async fn at_once<T: Send + 'static, F>(
    subject: &Subject,
    tasks: u64,
    task: impl Fn(Arc<dyn Backend>, u64) -> F,
) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let mut running = JoinSet::new();
    for number in 0..tasks {
        running.spawn(task(Arc::clone(&subject.backend), number));
    }
    running.join_all().await
}

/// No step of any caller is lost, and each gets a sum of its own.
pub async fn counters_lose_no_step(subject: &Subject) {
    if !subject.has_atomic() {
        return;
    }
    let key = subject.key("counter");
    let sums = at_once(subject, 8, |backend, _| {
        let key = key.clone();
        async move {
            let mut sums = Vec::new();
            for _ in 0..50 {
                sums.push(done("increment", backend.increment(&key, 1, None).await));
                tokio::task::yield_now().await;
            }
            sums
        }
    });
    let mut sums: Vec<i64> = sums.await.into_iter().flatten().collect();
    sums.sort_unstable();
    holds("each step of a counter has a sum of its own", sums == (1..=400).collect::<Vec<_>>());
    same("counters lose no step", subject.text(&key).await.as_deref(), Some("400"));
}

/// Of many who expect the same value, one replaces it.
pub async fn compare_and_set_has_one_winner(subject: &Subject) {
    if !subject.has_atomic() {
        return;
    }
    for round in 0..10 {
        let key = subject.key(&format!("round{round}"));
        subject.put(&key, "old").await;
        let won = at_once(subject, 8, |backend, number| {
            let key = key.clone();
            async move {
                let new = Bytes::from(number.to_string());
                let stored = backend.compare_and_set(&key, Some(b"old"), new, PutOptions::default()).await;
                done("compare_and_set", stored).then_some(number)
            }
        });
        let won: Vec<u64> = won.await.into_iter().flatten().collect();
        same("compare_and_set has one winner", won.len(), 1);
        same("the winner's value is stored", subject.text(&key).await, Some(won[0].to_string()));
    }
}

/// Of many who ask at once, as many as the limit are admitted: not one more, and not one less.
pub async fn a_quota_admits_no_more_than_its_limit_to_many(subject: &Subject) {
    if !subject.has_atomic() {
        return;
    }
    let hour = Duration::from_hours(1);
    for (name, quota) in [("window", Quota::window(100, hour)), ("smooth", Quota::smooth(100, 100 * hour))] {
        let key = subject.key(name);
        let admitted = at_once(subject, 8, |backend, _| {
            let key = key.clone();
            async move {
                let mut admitted = 0;
                for _ in 0..50 {
                    admitted += u32::from(done("admit", backend.admit(&key, 1, quota).await).allowed);
                    tokio::task::yield_now().await;
                }
                admitted
            }
        });
        let admitted: u32 = admitted.await.into_iter().sum();
        same("a quota admits its limit to many, and no more", admitted, 100);
    }
}

/// Of many readers of a missing key, one loads.
pub async fn one_of_many_readers_gets_the_lease(subject: &Subject) {
    if !subject.has_leases() {
        return;
    }
    for round in 0..10 {
        let key = subject.key(&format!("round{round}"));
        let leases = at_once(subject, 8, |backend, _| {
            let key = key.clone();
            async move { matches!(done("read", backend.read(&key).await), Read::Miss(Some(_))) }
        });
        let leases = leases.await.into_iter().filter(|leased| *leased).count();
        same("one of many readers gets the lease", leases, 1);
    }
}

/// A value never stands beside the metadata of another put.
pub async fn a_reader_sees_a_put_whole(subject: &Subject) {
    if !subject.has_metadata() {
        return;
    }
    let key = subject.key("whole");
    let seen = at_once(subject, 6, |backend, number| {
        let key = key.clone();
        async move {
            let mut torn = 0;
            for round in 0..60_u64 {
                if number % 2 == 0 {
                    // Long enough that an engine which writes by pieces shows it.
                    let text = (number * 100 + round).to_string();
                    let options = PutOptions { ttl: None, metadata: Some(text.as_str().into()) };
                    let _ = done("put", backend.put(&key, text.repeat(2_000).into(), options).await);
                } else if let Some(entry) = done("get", backend.get(&key).await) {
                    let text = entry.metadata.as_deref().unwrap_or_default();
                    torn += usize::from(entry.value != text.repeat(2_000));
                }
                tokio::task::yield_now().await;
            }
            torn
        }
    });
    same("a reader sees a put whole", seen.await.into_iter().sum::<usize>(), 0);
}

/// A caller that goes away in the middle leaves the old or the new, and a key that works.
pub async fn a_dropped_operation_is_whole_or_nothing(subject: &Subject) {
    let (key, other) = (subject.key("dropped"), subject.key("other"));
    let large = Bytes::from(vec![b'n'; 200_000]);
    for polls in 0..4 {
        subject.put(&key, "old").await;
        abandon(subject.backend.put(&key, large.clone(), PutOptions::default()), polls).await;
        let found = subject.get(&key).await.map(|entry| entry.value);
        let whole = found.as_deref() == Some(b"old") || found.as_ref() == Some(&large);
        holds("a dropped put is whole or nothing", whole);
        abandon(subject.backend.increment(&other, 1, None), polls).await;
        abandon(subject.backend.delete(&other), polls).await;
        abandon(subject.backend.list(crate::backend::ListOptions::default()), polls).await;
    }
    // An engine may finish in the background what it was asked to do; until then it may be in the way.
    for _ in 0..50 {
        subject.put(&key, "after").await;
        subject.put(&other, "after").await;
        let found = (subject.text(&key).await, subject.text(&other).await);
        if found == (Some("after".into()), Some("after".into())) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    holds("a key works after a dropped operation", false);
}

/// Polls a future some times and drops it.
async fn abandon<T>(future: impl Future<Output = T>, polls: usize) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        if future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// The promise that leases and barriers are for: cache-aside with both never serves a value older than a write
/// that was over before the read began, even if loaders are slow.
pub async fn nothing_older_than_a_finished_write_is_read(subject: &Subject) {
    const ROUNDS: u64 = 300;
    if !(subject.has_leases() && subject.has_barriers()) {
        return;
    }
    // The source that is cached, and the latest number in it whose write is over.
    let (source, finished) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let key = subject.key("promise");
    let stale = at_once(subject, 6, |backend, number| {
        let (key, source, finished) = (key.clone(), Arc::clone(&source), Arc::clone(&finished));
        async move {
            let mut stale = 0;
            for round in 0..ROUNDS {
                if number < 2 {
                    let life = Duration::from_mins(1);
                    let token = done("begin_write", backend.begin_write(&[&key], life).await);
                    rest_a_little(round).await;
                    let written = source.fetch_add(1, Ordering::SeqCst) + 1;
                    let update =
                        (round % 3 == 0).then(|| (written.to_string().into(), PutOptions::default()));
                    done("finish_write", backend.finish_write(&[&key], token, update).await);
                    finished.fetch_max(written, Ordering::SeqCst);
                    // Time to read what is there now.
                    rest_a_little(round * 7 + 5).await;
                } else {
                    let over_before = finished.load(Ordering::SeqCst);
                    let found = match done("read", backend.read(&key).await) {
                        Read::Hit(entry) => std::str::from_utf8(&entry.value)
                            .ok()
                            .and_then(|text| text.parse().ok())
                            .unwrap_or(0),
                        Read::Miss(lease) => {
                            let loaded = source.load(Ordering::SeqCst);
                            rest_a_little(round * 5 + number).await;
                            let value = loaded.to_string().into();
                            done("fill", backend.fill(&key, lease, value, PutOptions::default()).await);
                            loaded
                        }
                        Read::Leased | Read::Barred => source.load(Ordering::SeqCst),
                    };
                    stale += usize::from(found < over_before);
                }
                tokio::task::yield_now().await;
            }
            stale
        }
    });
    let stale: usize = stale.await.into_iter().sum();
    same("nothing older than a finished write is read", stale, 0);
}

/// Lets the others run for a while that is different each time.
async fn rest_a_little(round: u64) {
    for _ in 0..round % 13 {
        tokio::task::yield_now().await;
    }
}
