//! What holds of tags on every backend.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use cache_runtime::{Policy, PutOptions, SetOutcome};

use crate::world::{KEY, World};

pub(crate) async fn a_value_is_stale_once_one_of_its_tags_is_invalidated(world: World) {
    let tags = ["org:5", "user:7", "all"];
    assert_eq!((world.read(0, &tags).await, world.read(0, &tags).await, world.loads()), (0, 0, 1));
    for (at, tag) in (1..).zip(tags) {
        let newest = world.change();
        assert_eq!(world.read(0, &tags).await, newest - 1, "nobody has invalidated anything yet");
        world.invalidate(0, tag).await;
        assert_eq!((world.read(0, &tags).await, world.loads()), (newest, at + 1), "{tag}");
    }
    world.change();
    world.invalidate(0, "org:55").await;
    assert_eq!((world.read(0, &tags).await, world.loads()), (3, 4), "another tag");
}

pub(crate) async fn a_tag_that_is_invalidated_during_a_load_leaves_nothing_old_behind(world: World) {
    for process in [0, 1] {
        let old = world.clone();
        let loads = world.loads();
        let old = tokio::spawn(async move { old.read_slowly(0, &["org:5"]).await });
        world.until_loads(loads + 1).await;
        let newest = world.change();
        world.invalidate(process, "org:5").await;
        world.gate.add_permits(1);
        assert_eq!(old.await.expect("it does not panic"), newest - 1, "it began before the invalidation");
        assert_eq!(world.read(0, &["org:5"]).await, newest);
        assert_eq!(world.read(1, &["org:5"]).await, newest);
        assert_eq!(world.read(0, &["org:5"]).await, newest);
        world.invalidate(0, "org:5").await;
    }
}

pub(crate) async fn a_process_that_never_saw_the_tag_serves_nothing_old(world: World) {
    assert_eq!(world.read(0, &["org:5"]).await, 0);
    let newest = world.change();
    // It has read nothing yet: a cold node.
    world.invalidate(1, "org:5").await;
    assert_eq!(world.read(1, &["org:5"]).await, newest);
    assert_eq!(world.read(0, &["org:5"]).await, newest);
    assert_eq!(world.loads(), 2);
}

pub(crate) async fn a_deleted_generation_brings_no_old_value_back(world: World) {
    assert_eq!(world.read(0, &["org:5"]).await, 0);
    let newest = world.change();
    // By another program, or by eviction.
    assert!(world.backend.delete("app!g:org:5").await.expect("the backend answers"));
    assert_eq!((world.read(0, &["org:5"]).await, world.read(1, &["org:5"]).await), (newest, newest));
    // A generation is random, so none comes again.
    let before = world.backend.get("app!g:org:5").await.expect("the backend answers");
    world.invalidate(0, "org:5").await;
    world.read(0, &["org:5"]).await;
    let after = world.backend.get("app!g:org:5").await.expect("the backend answers");
    assert_ne!(before.expect("it was made").value, after.expect("it was made anew").value);
}

pub(crate) async fn what_is_read_often_is_stale_too(world: World) {
    // Often enough to be served from wherever this process keeps what it reads.
    for newest in 0..3 {
        for _ in 0..200 {
            assert_eq!(world.read(0, &["org:5", "all"]).await, newest);
        }
        assert_eq!(world.loads(), newest + 1);
        world.change();
        world.invalidate(0, ["all", "org:5"][usize::from(newest == 1)]).await;
    }
}

pub(crate) async fn who_comes_after_an_invalidation_does_not_join_the_load_from_before(world: World) {
    let old = world.clone();
    let old = tokio::spawn(async move { old.read_slowly(0, &["org:5"]).await });
    world.until_loads(1).await;
    let newest = world.change();
    world.invalidate(0, "org:5").await;
    assert_eq!(world.read(0, &["org:5"]).await, newest, "the old load is still under way");
    world.gate.add_permits(1);
    assert_eq!(old.await.expect("it does not panic"), newest - 1);
    assert_eq!(world.read(0, &["org:5"]).await, newest);
}

pub(crate) async fn who_joins_a_load_that_another_process_has_invalidated_gets_nothing_old(world: World) {
    let old = world.clone();
    let old = tokio::spawn(async move { old.read_slowly(0, &["org:5"]).await });
    world.until_loads(1).await;
    let newest = world.change();
    world.invalidate(1, "org:5").await;
    // It may join, since this process has perhaps not heard of it.
    let late = world.clone();
    let late = tokio::spawn(async move { late.read(0, &["org:5"]).await });
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    world.gate.add_permits(1);
    assert_eq!(old.await.expect("it does not panic"), newest - 1);
    assert_eq!(late.await.expect("it does not panic"), newest);
}

pub(crate) async fn who_reads_by_hand_finds_nothing_stale(world: World) {
    let cache = &world.processes[0];
    world.read(0, &["org:5"]).await;
    assert_eq!(cache.get::<u64>(KEY).await.expect("it answers"), Some(0));
    assert_eq!(cache.get_shared::<u64>(KEY).await.expect("it answers").as_deref(), Some(&0));
    assert_eq!(cache.get_many::<u64, _>([KEY, "other"]).await.expect("it answers"), [Some(0), None]);
    assert!(cache.exists(KEY).await.expect("it answers"));
    assert!(cache.touch(KEY, 600).await.expect("it answers"));
    assert!(cache.ttl(KEY).await.expect("it answers").is_some());

    world.invalidate(1, "org:5").await;
    assert_eq!(cache.get::<u64>(KEY).await.expect("it answers"), None);
    assert_eq!(cache.get_shared::<u64>(KEY).await.expect("it answers"), None);
    assert_eq!(cache.get_many::<u64, _>([KEY]).await.expect("it answers"), [None]);
    assert!(!cache.exists(KEY).await.expect("it answers"));
    assert!(!cache.touch(KEY, 600).await.expect("it answers"));
    assert!(cache.ttl(KEY).await.expect("it answers").is_none());
}

pub(crate) async fn a_cached_not_there_has_tags(world: World) {
    let cache = &world.processes[0];
    let policy = || Policy::new(300).none_ttl(300).tags(["org:5"]);
    let read = async |value: Option<u64>| {
        let load = async || Ok::<_, Infallible>(value);
        cache.get_or_load_optional(KEY, policy(), load).await.unwrap_or_default()
    };
    assert_eq!((read(None).await, read(Some(1)).await), (None, None));
    world.invalidate(0, "org:5").await;
    assert_eq!((read(Some(1)).await, read(None).await), (Some(1), Some(1)));
}

pub(crate) async fn a_value_that_was_set_by_hand_has_no_tags(world: World) {
    let cache = &world.processes[0];
    let set = cache.set(KEY, &100_u64, 300).await.expect("it answers");
    assert_eq!(set, SetOutcome::Stored);
    assert_eq!(cache.get_shared::<u64>(KEY).await.expect("it answers").as_deref(), Some(&100));
    // No tag could make it stale, so who asks for tags does not take it.
    assert_eq!((world.read(0, &["org:5"]).await, world.loads()), (0, 1));
    assert_eq!((world.read(0, &["org:5"]).await, world.loads()), (0, 1));
    // Nor what was stored with other tags.
    assert_eq!((world.read(1, &["org:5", "all"]).await, world.loads()), (0, 2));
    assert_eq!((world.read(1, &[]).await, world.loads()), (0, 3));
}

pub(crate) async fn whatever_stands_under_a_generation_is_one(world: World) {
    let put = async |bytes: &'static str| {
        let options = PutOptions::with_ttl(Duration::from_secs(600));
        let _ = world.backend.put("app!g:org:5", Bytes::from(bytes), options).await.expect("it answers");
    };
    put("not of ours").await;
    assert_eq!((world.read(0, &["org:5"]).await, world.read(1, &["org:5"]).await), (0, 0));
    assert_eq!(world.loads(), 1);
    put("").await;
    let newest = world.change();
    assert_eq!((world.read(1, &["org:5"]).await, world.read(1, &["org:5"]).await), (newest, newest));
    assert_eq!(world.loads(), 2);
}

pub(crate) async fn tags_that_are_too_long_are_not_cached(world: World) {
    let long = "x".repeat(600);
    assert_eq!((world.read(0, &[&long]).await, world.read(0, &[&long]).await, world.loads()), (0, 0, 2));
    world.processes[0].invalidate_tag(&long).await.expect_err("nothing can carry it");
    // Each is short enough, but they have no room together.
    let many: Vec<String> = (0..20).map(|n| format!("{n}:{}", "x".repeat(60))).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert_eq!((world.read(0, &many).await, world.read(0, &many).await, world.loads()), (0, 0, 4));
    assert_eq!(
        (world.read(0, &many[..12]).await, world.read(0, &many[..12]).await, world.loads()),
        (0, 0, 5)
    );
}

pub(crate) async fn a_tag_of_another_prefix_is_another(world: World) {
    let factory = cache_runtime::KvCacheServiceFactory::like(world.processes[0].clone());
    let other = factory.create("other").expect("it is valid");
    world.read(0, &["org:5"]).await;
    world.change();
    other.invalidate_tag("org:5").await.expect("it answers");
    assert_eq!((world.read(0, &["org:5"]).await, world.loads()), (0, 1));
}

pub(crate) async fn clearing_the_prefix_leaves_tags_that_work(world: World) {
    world.read(0, &["org:5"]).await;
    assert_eq!(world.processes[0].clear().await.expect("it answers"), 1, "generations are not of the prefix");
    assert!(world.processes[0].keys("*").await.expect("it answers").is_empty());
    let newest = world.change();
    assert_eq!((world.read(0, &["org:5"]).await, world.read(1, &["org:5"]).await), (newest, newest));
    world.invalidate(1, "org:5").await;
    let newest = world.change();
    assert_eq!((world.read(0, &["org:5"]).await, world.read(1, &["org:5"]).await), (newest, newest));
}
