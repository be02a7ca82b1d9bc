//! What holds of the generation of a whole prefix, on every backend.

use std::convert::Infallible;

use cache_runtime::{Policy, SetOutcome};

use crate::world::{KEY, World};

/// Reads another key, with a load of its own.
async fn read_key(world: &World, process: usize, key: &str, value: u64) -> u64 {
    let load = async || Ok::<_, Infallible>(value);
    world.processes[process].get_or_load(key, 300, load).await.unwrap_or_default()
}

pub(crate) async fn one_invalidation_makes_all_that_is_cached_stale(world: World) {
    let keys: Vec<String> = (0..300).map(|n| format!("project:{n}")).collect();
    for round in 0..3 {
        for key in &keys {
            assert_eq!(read_key(&world, 0, key, round).await, round);
            assert_eq!(read_key(&world, 1, key, 100).await, round, "it is there");
        }
        assert_eq!((world.read(0, &["org:5"]).await, world.loads()), (round, 2 * round + 1));
        world.change();
        world.invalidate_all(usize::from(round == 1)).await;
        assert_eq!((world.read(0, &["org:5"]).await, world.loads()), (round + 1, 2 * round + 2));
        world.invalidate(0, "org:5").await;
        world.invalidate_all(1).await;
    }
}

pub(crate) async fn an_invalidation_of_all_during_a_load_leaves_nothing_old_behind(world: World) {
    for process in [0, 1] {
        let old = world.clone();
        let loads = world.loads();
        let old = tokio::spawn(async move { old.read_slowly(0, &[]).await });
        world.until_loads(loads + 1).await;
        let newest = world.change();
        world.invalidate_all(process).await;
        world.gate.add_permits(1);
        assert_eq!(old.await.expect("it does not panic"), newest - 1, "it began before the invalidation");
        assert_eq!(world.read(0, &[]).await, newest);
        assert_eq!(world.read(1, &[]).await, newest);
        world.invalidate_all(0).await;
    }
}

pub(crate) async fn who_comes_after_an_invalidation_of_all_does_not_join_a_load_from_before(world: World) {
    for process in [0, 1] {
        let old = world.clone();
        let loads = world.loads();
        let old = tokio::spawn(async move { old.read_slowly(0, &[]).await });
        world.until_loads(loads + 1).await;
        let newest = world.change();
        world.invalidate_all(process).await;
        let late = world.clone();
        let late = tokio::spawn(async move { late.read(0, &[]).await });
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        world.gate.add_permits(1);
        assert_eq!(old.await.expect("it does not panic"), newest - 1);
        assert_eq!(late.await.expect("it does not panic"), newest);
        world.invalidate_all(0).await;
    }
}

pub(crate) async fn a_process_that_has_read_nothing_invalidates_all_too(world: World) {
    for _ in 0..200 {
        // Often enough to be served from wherever this process keeps what it reads.
        assert_eq!(world.read(0, &[]).await, 0);
    }
    let newest = world.change();
    world.invalidate_all(1).await;
    assert_eq!((world.read(0, &[]).await, world.read(1, &[]).await, world.loads()), (newest, newest, 2));
}

pub(crate) async fn a_generation_of_the_prefix_that_is_evicted_brings_nothing_old_back(world: World) {
    assert_eq!(world.read(0, &[]).await, 0);
    let newest = world.change();
    // By another program, or for room.
    assert!(world.backend.delete("app!g:").await.expect("the backend answers"));
    assert_eq!((world.read(0, &[]).await, world.read(1, &[]).await, world.loads()), (newest, newest, 2));
}

pub(crate) async fn who_reads_by_hand_finds_nothing_that_was_invalidated_with_all(world: World) {
    let cache = &world.processes[0];
    world.read(0, &[]).await;
    assert_eq!(cache.get::<u64>(KEY).await.expect("it answers"), Some(0));
    assert_eq!(cache.get_shared::<u64>(KEY).await.expect("it answers").as_deref(), Some(&0));
    assert!(cache.exists(KEY).await.expect("it answers"));
    world.invalidate_all(1).await;
    assert_eq!(cache.get::<u64>(KEY).await.expect("it answers"), None);
    assert_eq!(cache.get_shared::<u64>(KEY).await.expect("it answers"), None);
    assert_eq!(cache.get_many::<u64, _>([KEY]).await.expect("it answers"), [None]);
    assert!(!cache.exists(KEY).await.expect("it answers"));
    assert!(cache.ttl(KEY).await.expect("it answers").is_none());
}

pub(crate) async fn what_was_set_by_hand_outlives_an_invalidation_of_all(world: World) {
    let cache = &world.processes[0];
    let set = cache.set("setting", &"on".to_owned(), 300).await.expect("it answers");
    assert_eq!(set, SetOutcome::Stored);
    assert_eq!(cache.increment("visits", 3).await.expect("it answers"), 3);
    world.invalidate_all(0).await;
    assert_eq!(cache.get::<String>("setting").await.expect("it answers").as_deref(), Some("on"));
    assert_eq!(cache.increment("visits", 1).await.expect("it answers"), 4);
}

pub(crate) async fn an_invalidation_of_all_is_of_one_prefix(world: World) {
    let factory = cache_runtime::KvCacheServiceFactory::like(world.processes[0].clone());
    let other = factory.create("other").expect("it is valid");
    world.read(0, &[]).await;
    world.change();
    other.invalidate_all().await.expect("it answers");
    assert_eq!((world.read(0, &[]).await, world.loads()), (0, 1));
    let load = async |value| other.get_or_load(KEY, 300, async || Ok::<_, Infallible>(value)).await;
    assert_eq!((load(1).await, load(2).await), (Ok(1), Ok(1)));
    world.invalidate_all(0).await;
    assert_eq!(load(3).await, Ok(1));
    other.invalidate_all().await.expect("it answers");
    assert_eq!(load(4).await, Ok(4));
}

pub(crate) async fn clearing_a_prefix_with_a_generation_leaves_it_working(world: World) {
    world.read(0, &[]).await;
    assert_eq!(world.processes[0].clear().await.expect("it answers"), 1);
    let newest = world.change();
    assert_eq!((world.read(0, &[]).await, world.read(1, &[]).await), (newest, newest));
}

pub(crate) async fn a_cached_not_there_is_stale_after_an_invalidation_of_all(world: World) {
    let cache = &world.processes[0];
    let read = async |value: Option<u64>| {
        let load = async || Ok::<_, Infallible>(value);
        let policy = Policy::new(300).none_ttl(300);
        cache.get_or_load_optional(KEY, policy, load).await.unwrap_or_default()
    };
    assert_eq!((read(None).await, read(Some(1)).await), (None, None));
    world.invalidate_all(0).await;
    assert_eq!(read(Some(1)).await, Some(1));
}
