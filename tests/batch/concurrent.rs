//! Batches that cross, many equal ones at once, and batches beside invalidations.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{KvCacheService, cached, invalidates};
use futures_util::future::join_all;

use super::world::{poll, values, within, world, world_with};

#[tokio::test]
async fn crossed_batches_end() {
    within(async {
        for round in 0..200 {
            let world = world();
            world.shut();
            let calls = [[1, 2], [2, 1], [2, 3], [3, 1], [1, 3]].map(|ids| {
                let world = world.clone();
                tokio::spawn(async move { world.projects(&ids).await })
            });
            for _ in 0..round % 7 {
                tokio::task::yield_now().await;
            }
            world.open();
            for (call, ids) in calls.into_iter().zip([[1, 2], [2, 1], [2, 3], [3, 1], [1, 3]]) {
                assert_eq!(call.await.expect("it ends"), Ok(values(1_000, &ids)));
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn crossed_batches_end_on_several_threads() {
    within(async {
        for round in 0..300_u64 {
            let world = world();
            let _ticking = world.run_clock();
            let calls = (0..16_u64).map(|n| {
                let world = world.clone();
                let mut ids: Vec<u64> = (0..8).map(|k| (k * (n % 3 + 1) + round) % 16).collect();
                if n % 2 == 0 {
                    ids.reverse();
                }
                tokio::spawn(async move { (world.projects(&ids).await, ids) })
            });
            for call in join_all(calls).await {
                let (found, ids) = call.expect("it ends");
                assert_eq!(found, Ok(values(1_000, &ids)));
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_thousand_equal_batches_run_one_body() {
    for tier in [Some(cache_runtime::LocalTier::new(100)), None] {
        let world = world_with(tier);
        world.shut();
        let ids: Vec<u64> = (0..50).collect();
        let calls: Vec<_> = (0..1_000)
            .map(|n| {
                let (world, mut ids) = (world.clone(), ids.clone());
                ids.rotate_left(n % 50);
                tokio::spawn(async move { world.projects(&ids).await })
            })
            .collect();
        super::world::others().await;
        world.open();
        for call in within(join_all(calls)).await {
            assert_eq!(call.expect("it ends"), Ok(values(1_000, &ids)));
        }
        assert_eq!(world.asked().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_equal_batches_on_several_threads_run_one_body() {
    for _ in 0..20 {
        let world = world();
        let _ticking = world.run_clock();
        let ids: Vec<u64> = (0..50).collect();
        let calls: Vec<_> = (0..1_000)
            .map(|_| {
                let (world, ids) = (world.clone(), ids.clone());
                tokio::spawn(async move { world.projects(&ids).await })
            })
            .collect();
        for call in within(join_all(calls)).await {
            assert_eq!(call.expect("it ends"), Ok(values(1_000, &ids)));
        }
        assert_eq!(world.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_batch_whose_leader_is_no_longer_polled_loads_in_time() {
    within(async {
        let world = world();
        world.shut();
        let mut pinned = Box::pin(world.projects(&[1, 2]));
        assert!(poll(&mut pinned.as_mut()).is_pending());
        let mut batch = pin!(world.projects(&[2, 3]));
        assert!(poll(&mut batch).is_pending());
        world.open();
        world.time.advance(Duration::from_secs(10));
        assert_eq!(batch.await, Ok(values(1_000, &[2, 3])));
        drop(pinned);
    })
    .await;
}

/// A source of versions, in which nothing older than what was written may be read.
#[derive(Clone)]
struct Source {
    cache: KvCacheService,
    rows: Arc<[AtomicU64; 8]>,
}

impl Source {
    #[cached(key = "row:<id>", ttl = 300)]
    async fn row(&self, id: usize) -> u64 {
        let found = self.rows[id].load(Ordering::SeqCst);
        tokio::task::yield_now().await;
        found
    }

    #[cached(key = "row:<id>", each(id in ids))]
    async fn all(&self, ids: &[usize]) -> std::collections::HashMap<usize, u64> {
        let found = ids.iter().map(|id| (*id, self.rows[*id].load(Ordering::SeqCst))).collect();
        tokio::task::yield_now().await;
        found
    }

    #[invalidates("row:<id>")]
    async fn write(&self, id: usize) -> u64 {
        self.rows[id].fetch_add(1, Ordering::SeqCst) + 1
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_batch_that_begins_after_an_invalidation_returned_reads_nothing_older() {
    let source = Source { cache: KvCacheService::in_memory(), rows: Arc::default() };
    // What each row is at least, as of the writes that have returned.
    let least: Arc<[AtomicU64; 8]> = Arc::default();
    let mut tasks = Vec::new();
    for reader in 0..6_usize {
        let (source, least) = (source.clone(), Arc::clone(&least));
        tasks.push(tokio::spawn(async move {
            for n in 0..4_000_usize {
                let ids = [(n + reader) % 8, (n * 3) % 8, (n * 5 + 1) % 8];
                let before = ids.map(|id| least[id].load(Ordering::SeqCst));
                if n % 5 == 0 {
                    assert!(source.row(ids[0]).await >= before[0]);
                    continue;
                }
                let found = source.all(&ids).await;
                for (id, before) in ids.iter().zip(before) {
                    assert!(found[id] >= before, "row {id}: {} after {before}", found[id]);
                }
            }
        }));
    }
    for writer in 0..2_usize {
        let (source, least) = (source.clone(), Arc::clone(&least));
        tasks.push(tokio::spawn(async move {
            for n in 0..2_000_usize {
                let id = (n * 7 + writer * 3) % 8;
                let written = source.write(id).await;
                least[id].fetch_max(written, Ordering::SeqCst);
                tokio::task::yield_now().await;
            }
        }));
    }
    for task in within(join_all(tasks)).await {
        task.expect("nothing stale is read");
    }
}
