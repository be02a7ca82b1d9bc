//! What a batch shares with the method of a single id, and what it asks of the backend and of the body.

use std::pin::pin;
use std::time::Duration;

use cache_runtime::{Backend, CallSiteKind, call_sites};

use super::world::{ABSENT, Projects, poll, ready, values, within, world, world_with};

#[test]
fn the_body_runs_with_what_is_missing_in_the_order_of_the_input() {
    let world = world();
    assert_eq!(ready(world.projects(&[3, 1, 2])), Ok(values(1_000, &[1, 2, 3])));
    assert_eq!(ready(world.projects(&[9, 3, 8, 1, 7])), Ok(values(1_000, &[9, 3, 8, 1, 7])));
    assert_eq!(world.asked(), [vec![3, 1, 2], vec![9, 8, 7]]);
}

#[test]
fn a_batch_and_the_single_method_share_entries() {
    let world = world();
    assert_eq!(ready(world.project(1)), Ok(Some(1_001)));
    assert_eq!(ready(world.projects(&[1, 2])), Ok(values(1_000, &[1, 2])));
    assert_eq!(ready(world.project(2)), Ok(Some(1_002)));
    assert_eq!((world.asked(), world.singles()), (vec![vec![2]], 1));
    ready(world.change(2, 2_000));
    assert_eq!(ready(world.projects(&[1, 2])), Ok([(1, 1_001), (2, 2_002)].into()), "and invalidations");
    assert_eq!(world.asked(), [[2]]);
}

#[test]
fn what_is_all_in_the_local_tier_asks_nobody() {
    let world = world();
    let _ = ready(world.projects(&[1, 2]));
    let before = world.faulty.calls();
    assert_eq!(ready(world.projects(&[2, 1])), Ok(values(1_000, &[1, 2])));
    assert_eq!((world.faulty.calls(), world.asked().len()), (before, 1));
}

#[test]
fn duplicates_are_asked_once() {
    let world = world();
    assert_eq!(ready(world.projects(&[2, 1, 2, 2, 1])), Ok(values(1_000, &[1, 2])));
    assert_eq!(world.asked(), [[2, 1]]);
}

#[test]
fn an_empty_input_asks_neither_the_backend_nor_the_body() {
    let world = world();
    assert_eq!(ready(world.projects(&[])), Ok(Projects::new()));
    assert_eq!((world.faulty.calls(), world.asked().len()), (0, 0));
}

#[test]
fn the_backend_is_read_once_for_all() {
    let world = world();
    let _ = ready(world.projects(&[1, 2, 3]));
    let another = world.another();
    let before = world.faulty.calls();
    assert_eq!(ready(another.projects(&[3, 2, 1])), Ok(values(1_000, &[1, 2, 3])));
    assert_eq!((world.faulty.calls() - before, world.asked().len()), (1, 1), "one read, no body");
}

#[test]
fn what_is_not_there_is_cached_as_the_single_method_says() {
    let world = world();
    assert_eq!(ready(world.projects(&[1, ABSENT])), Ok(values(1_000, &[1])));
    assert_eq!(ready(world.project(ABSENT)), Ok(None));
    assert_eq!(ready(world.projects(&[ABSENT, 1])), Ok(values(1_000, &[1])));
    assert_eq!((world.asked().len(), world.singles()), (1, 0));
    world.time.advance(Duration::from_secs(5));
    let _ = ready(world.projects(&[ABSENT, 1]));
    assert_eq!(world.asked(), [[ABSENT]], "no longer than `none_ttl`");
}

#[test]
fn what_is_not_there_is_not_cached_without_none_ttl() {
    let world = world();
    for _ in 0..2 {
        assert_eq!(ready(world.plains(&[ABSENT, 1])), values(1_000, &[1]));
    }
    assert_eq!(world.asked(), [vec![ABSENT, 1], vec![ABSENT]]);
    assert_eq!(ready(world.plain(ABSENT)), 0);
}

#[test]
fn a_value_lives_as_long_as_the_single_method_says() {
    let world = world();
    let _ = ready(world.projects(&[1]));
    world.time.advance(Duration::from_secs(299));
    let _ = ready(world.projects(&[1]));
    assert_eq!(world.asked().len(), 1);
    world.time.advance(Duration::from_secs(1));
    let _ = ready(world.projects(&[1]));
    assert_eq!(world.asked().len(), 1);
}

#[test]
fn what_the_body_gives_unasked_is_returned_and_not_cached() {
    let world = world();
    let mut expected = values(1_000, &[1]);
    expected.insert(77, 77);
    assert_eq!(ready(world.mores(&[1])), expected);
    assert_eq!(ready(world.more(77)), 1_077);
}

#[test]
fn the_condition_holds_for_each_id() {
    let world = world();
    for _ in 0..2 {
        assert_eq!(ready(world.evens(&[1, 2])), values(1_000, &[1, 2]));
    }
    assert_eq!(world.asked(), [vec![1, 2], vec![1]]);
    assert_eq!(ready(world.even(2)), 1_002);
    assert_eq!(world.singles(), 0);
}

#[test]
fn bytes_that_do_not_decode_are_loaded_and_replaced() {
    let world = world();
    let _ = ready(world.cache.set("project:1", &"no number".to_owned(), 300)).expect("memory answers");
    assert_eq!(ready(world.projects(&[1, 2])), Ok(values(1_000, &[1, 2])));
    assert_eq!(ready(world.cache.get("project:1")).expect("memory answers"), Some(1_001_u64));
}

#[test]
fn an_invalidation_during_the_batch_concerns_its_id_alone() {
    for tier in [Some(cache_runtime::LocalTier::new(100)), None] {
        let world = world_with(tier);
        world.shut();
        let mut batch = pin!(world.projects(&[1, 2]));
        assert!(poll(&mut batch).is_pending());
        ready(world.change(1, 2_000));
        world.open();
        assert_eq!(ready(batch), Ok(values(1_000, &[1, 2])));
        assert_eq!(ready(world.projects(&[1, 2])), Ok([(1, 2_001), (2, 1_002)].into()));
        assert_eq!(world.asked(), [vec![1, 2], vec![1]]);
    }
}

#[test]
fn an_id_whose_lease_is_taken_is_loaded_in_the_same_run_and_not_stored() {
    let world = world();
    let lease = ready(world.faulty.read("app:project:1")).expect("memory answers");
    assert_eq!(ready(world.projects(&[1, 2])), Ok(values(1_000, &[1, 2])));
    assert_eq!(world.asked(), [[1, 2]]);
    assert_eq!(ready(world.cache.get::<u64>("project:1")).expect("memory answers"), None);
    assert_eq!(ready(world.cache.get::<u64>("project:2")).expect("memory answers"), Some(1_002));
    drop(lease);
}

#[tokio::test]
async fn a_batch_waits_for_the_single_load_of_one_of_its_ids() {
    within(async {
        let world = world();
        world.shut();
        let mut single = pin!(world.project(1));
        assert!(poll(&mut single).is_pending());
        let mut batch = pin!(world.projects(&[1, 2]));
        assert!(poll(&mut batch).is_pending());
        assert!(world.asked().is_empty(), "it holds no lead meanwhile");
        world.open();
        assert_eq!(single.await, Ok(Some(1_001)));
        assert_eq!(batch.await, Ok(values(1_000, &[1, 2])));
        assert_eq!(world.asked(), [[2]]);
    })
    .await;
}

#[tokio::test]
async fn single_calls_wait_for_the_batch() {
    within(async {
        let world = world();
        world.shut();
        let mut batch = pin!(world.projects(&[1, 2, ABSENT]));
        assert!(poll(&mut batch).is_pending());
        let (mut one, mut absent) = (pin!(world.project(1)), pin!(world.project(ABSENT)));
        assert!(poll(&mut one).is_pending() && poll(&mut absent).is_pending());
        world.open();
        assert_eq!(batch.await, Ok(values(1_000, &[1, 2])));
        assert_eq!((one.await, absent.await), (Ok(Some(1_001)), Ok(None)));
        assert_eq!(world.singles(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_single_call_that_cannot_say_not_there_loads_for_itself() {
    within(async {
        let world = world();
        world.shut();
        let mut batch = pin!(world.plains(&[1, ABSENT]));
        assert!(poll(&mut batch).is_pending());
        let mut absent = pin!(world.plain(ABSENT));
        assert!(poll(&mut absent).is_pending());
        world.open();
        assert_eq!((batch.await, absent.await, world.singles()), (values(1_000, &[1]), 0, 1));
    })
    .await;
}

#[test]
fn the_call_site_counts_each_id() {
    let world = world();
    let site = || {
        let mut sites = call_sites().into_iter();
        sites.find(|site| site.kind() == CallSiteKind::Cached && site.function().ends_with("::mores"))
    };
    let before = site().map(cache_runtime::CallSite::stats).unwrap_or_default();
    let _ = ready(world.mores(&[11, 12]));
    let _ = ready(world.mores(&[11, 12, 13, 11]));
    let after = site().expect("it has missed").stats();
    let counted = (after.hits - before.hits, after.misses - before.misses, after.loads - before.loads);
    assert!(counted.0 >= 2 && counted.1 >= 3 && counted.2 >= 2, "{counted:?}");
    assert!(after.fills - before.fills >= 3);
}
