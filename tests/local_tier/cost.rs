//! What a hit does not do.

use std::sync::Arc;

use cache_runtime::{KvCacheService, LocalKvNamespace, LocalTier};

use super::world::{World, ready, world};

const HITS: usize = 1_000;

/// How many allocations so many hits make together.
fn allocations_of<T>(hit: impl Fn() -> T) -> u64 {
    // The first ones load, and grow what grows once for each thread.
    for _ in 0..3 {
        drop(hit());
    }
    allocation_counter::measure(|| {
        for _ in 0..HITS {
            drop(hit());
        }
    })
    .count_total
}

#[tokio::test]
async fn a_hit_does_not_allocate() {
    let world = world(LocalTier::new(100));
    assert_eq!(allocations_of(|| ready(world.number(7))), 0, "a number");
    assert_eq!(allocations_of(|| ready(world.shared(7))), 0, "an `Arc`");
    assert_eq!(allocations_of(|| ready(world.shared_result(7))), 0, "an `Arc` in a `Result`");
    assert_eq!(allocations_of(|| ready(world.shared_option(7))), 0, "an `Arc` in an `Option`");
    assert_eq!(allocations_of(|| ready(world.shared_text(7))), 0, "an `Arc` of a text");
    assert_eq!(allocations_of(|| ready(world.rare(7))), 0, "a \"not there\"");
    assert_eq!(world.loads(), 6);
    assert!(allocations_of(|| ready(world.shared(7)).as_ref().clone()) >= HITS as u64, "they are counted");
}

#[tokio::test]
async fn a_hit_of_the_default_tier_over_memory_does_not_allocate() {
    let world = World { cache: KvCacheService::in_memory(), ..world(LocalTier::new(0)) };
    assert_eq!(allocations_of(|| ready(world.number(7))), 0);
    assert_eq!(allocations_of(|| ready(world.shared(7))), 0);
    assert_eq!(world.loads(), 2);
}

#[test]
fn a_hit_never_calls_the_backend() {
    let world = world(LocalTier::new(100));
    for hits in 0..=HITS {
        ready(world.number(7));
        ready(world.shared(7));
        ready(world.rare(7));
        if hits == 0 {
            // A read that takes the lease, and a fill, of each.
            assert_eq!(world.calls(), 6);
        }
    }
    assert_eq!((world.calls(), world.loads()), (6, 3));
}

#[test]
fn an_arc_is_served_without_cloning_what_is_in_it() {
    let world = world(LocalTier::new(100));
    let first = ready(world.shared(7));
    for _ in 0..HITS {
        assert!(Arc::ptr_eq(&first, &ready(world.shared(7))));
    }
    let result = ready(world.shared_result(7)).expect("it loads");
    let option = ready(world.shared_option(7)).expect("it is there");
    for _ in 0..HITS {
        assert!(Arc::ptr_eq(&result, &ready(world.shared_result(7)).expect("it loads")));
        assert!(Arc::ptr_eq(&option, &ready(world.shared_option(7)).expect("it is there")));
    }
    assert_eq!((first.clones(), result.clones(), option.clones()), (0, 0, 0));
    assert_eq!(world.loads(), 3);
    let text = ready(world.shared_text(7));
    assert!(Arc::ptr_eq(&text, &ready(world.shared_text(7))));
}

#[test]
fn what_another_service_has_stored_is_decoded_once_and_then_shared() {
    let first = world(LocalTier::new(100));
    let second = first.another(LocalTier::new(100));
    let loaded = ready(first.shared(7));
    let read = ready(second.shared(7));
    assert!(!Arc::ptr_eq(&loaded, &read));
    assert_eq!(loaded.text, read.text);
    let calls = first.calls();
    for _ in 0..HITS {
        assert!(Arc::ptr_eq(&read, &ready(second.shared(7))));
    }
    assert_eq!((first.calls(), first.loads(), read.clones()), (calls, 1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_wait_for_a_load_share_its_arc() {
    // Over memory itself: elsewhere nobody joins a load whose fill is under way, and who comes then reads anew.
    let world = World { cache: KvCacheService::in_memory(), ..world(LocalTier::new(0)) };
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let world = world.clone();
            tokio::spawn(async move { world.shared(7).await })
        })
        .collect();
    let first = world.shared(7).await;
    for call in calls {
        assert!(Arc::ptr_eq(&first, &call.await.expect("it ends")));
    }
    assert_eq!((first.clones(), world.loads()), (0, 1));
}

#[test]
fn the_tier_is_on_by_default_over_memory_only() {
    let in_memory = World { cache: KvCacheService::in_memory(), ..world(LocalTier::new(0)) };
    let first = ready(in_memory.shared(7));
    assert!(Arc::ptr_eq(&first, &ready(in_memory.shared(7))));

    let backend = super::backend::Faulty::new(LocalKvNamespace::new());
    let cache = KvCacheService::builder(Arc::new(backend.clone())).build().expect("a valid prefix");
    let elsewhere = World { cache, ..world(LocalTier::new(0)) };
    ready(elsewhere.shared(7));
    let calls = backend.calls();
    ready(elsewhere.shared(7));
    assert_eq!(backend.calls(), calls + 1, "it asks the backend each time");
    assert_eq!(elsewhere.loads(), 1);
}
