//! How long the local tier serves a value: to the coarse clock's step, and whatever the wall clock does.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::testing::ManualClock;
use cache_runtime::{KvCacheService, LocalKvNamespace, LocalTier, Ttl};

use super::world::{World, ready, world};

const YEAR: Duration = Duration::from_hours(365 * 24);

fn living(ttl: impl Into<Ttl>) -> World {
    World { ttl: ttl.into(), ..world(LocalTier::new(100)) }
}

#[test]
fn a_value_is_served_until_the_last_millisecond_of_its_time_and_not_at_its_end() {
    for millis in [1, 2, 3, 10, 999, 1_000, 300_000, 86_400_000] {
        for begin_nanos in [0, 1, 300_000, 999_999, 1_234_567_890] {
            let world = living(Duration::from_millis(millis));
            world.time.advance(Duration::from_nanos(begin_nanos));
            ready(world.lives(7));
            let calls = world.calls();
            world.advance_millis(millis - 1);
            world.set_source(2);
            assert_eq!(ready(world.lives(7)), 8, "{millis} ms less one");
            assert_eq!((world.loads(), world.calls()), (1, calls), "from the local tier");
            world.advance_millis(1);
            assert_eq!(ready(world.lives(7)), 9, "{millis} ms, begun at {begin_nanos} ns");
            assert_eq!(world.loads(), 2);
        }
    }
}

#[test]
fn a_time_to_live_that_is_no_whole_number_of_milliseconds_never_lasts_longer() {
    for micros in [1, 500, 999, 1_001, 1_500, 2_999] {
        for begin_micros in [0, 1, 500, 999] {
            let world = living(Duration::from_micros(micros));
            world.time.advance(Duration::from_micros(begin_micros));
            ready(world.lives(7));
            world.set_source(2);
            world.time.advance(Duration::from_micros(micros - 1));
            assert_eq!(ready(world.lives(7)), 8, "{micros} µs less one, begun at {begin_micros} µs");
            world.time.advance(Duration::from_micros(1));
            assert_eq!(ready(world.lives(7)), 9, "{micros} µs, begun at {begin_micros} µs");
        }
    }
}

#[test]
fn a_value_that_is_promoted_late_in_its_life_ends_with_it() {
    let first = living(Duration::from_secs(10));
    let second = first.another(LocalTier::new(100));
    ready(first.lives(7));
    first.advance_millis(9_000);
    assert_eq!(ready(second.lives(7)), 8);
    first.set_source(2);
    first.advance_millis(999);
    let calls = first.calls();
    assert_eq!((ready(first.lives(7)), ready(second.lives(7))), (8, 8));
    assert_eq!(first.calls(), calls, "from the local tiers");
    first.advance_millis(1);
    assert_eq!((ready(first.lives(7)), ready(second.lives(7))), (9, 9));
    assert_eq!(first.loads(), 2);
}

#[test]
fn a_not_there_is_served_for_its_own_time_to_the_millisecond() {
    let world = world(LocalTier::new(100));
    assert_eq!(ready(world.rare(7)), None);
    world.set_source(2);
    world.advance_millis(4_999);
    assert_eq!(ready(world.rare(7)), None);
    world.advance_millis(1);
    assert_eq!(ready(world.rare(7)), Some(9));
}

#[test]
fn the_longest_time_to_live_is_1_000_years_and_to_the_millisecond_too() {
    let world = living(Ttl::MAX);
    ready(world.lives(7));
    world.set_source(2);
    world.time.advance(Ttl::MAX.saturating_sub(Duration::from_millis(1)));
    assert_eq!((ready(world.lives(7)), world.loads()), (8, 1));
    world.advance_millis(1);
    assert_eq!((ready(world.lives(7)), world.loads()), (9, 2));
}

#[test]
fn a_value_without_an_end_has_none() {
    let world = world(LocalTier::new(100));
    ready(world.for_ever(7));
    let calls = world.calls();
    world.set_source(2);
    for _ in 0..10 {
        world.time.advance(100_000 * YEAR);
        assert_eq!(ready(world.for_ever(7)), 8);
    }
    assert_eq!((world.loads(), world.calls()), (1, calls));
    assert!(ready(world.cache.delete(World::for_ever_key(7))).expect("memory answers"));
    assert_eq!(ready(world.for_ever(7)), 9, "but it can be removed");
}

#[test]
fn a_time_to_live_that_is_refused_costs_the_caching_and_not_the_call() {
    for ttl in [Duration::MAX, Ttl::MAX + Duration::from_nanos(1), Duration::ZERO] {
        let world = living(ttl);
        assert_eq!((ready(world.lives(7)), ready(world.lives(7))), (8, 8), "{ttl:?}");
        assert_eq!(world.loads(), 2, "{ttl:?}: nothing is stored");
    }
}

#[test]
fn a_clock_near_its_end_neither_panics_nor_serves_too_long() {
    let world = living(Duration::from_secs(300));
    world.time.advance(Duration::MAX.saturating_sub(Duration::from_secs(10)));
    ready(world.lives(7));
    ready(world.lives(7));
    world.time.advance(Duration::from_secs(100));
    ready(world.lives(7));
}

#[test]
fn a_wall_clock_that_is_set_back_or_forth_changes_nothing() {
    let world = living(Duration::from_secs(300));
    ready(world.lives(7));
    let calls = world.calls();
    world.set_source(2);
    let now = world.time.clock().unix_time();
    for wall in [Duration::ZERO, now + 50 * YEAR, now.saturating_sub(YEAR), Duration::from_secs(1)] {
        world.time.set_unix_time(wall);
        assert_eq!(ready(world.lives(7)), 8);
        world.advance_millis(10_000);
    }
    world.advance_millis(259_999);
    assert_eq!(ready(world.lives(7)), 8);
    assert_eq!((world.loads(), world.calls()), (1, calls));
    world.time.set_unix_time(Duration::ZERO);
    world.advance_millis(1);
    assert_eq!(ready(world.lives(7)), 9);
}

#[tokio::test]
async fn a_local_ttl_bounds_what_the_tier_serves_and_not_the_value() {
    let time = ManualClock::new();
    let backend = Arc::new(LocalKvNamespace::builder().clock(time.clock()).build());
    let tier = LocalTier::new(10).local_ttl(Duration::from_secs(2));
    let cache = KvCacheService::builder(backend).clock(time.clock()).local_tier(tier).build();
    let cache = cache.expect("a valid prefix");
    let read = || async { cache.get_shared::<u64>("n").await.expect("memory answers").expect("it is there") };
    cache.set("n", &7, 300).await.map(drop).expect("memory answers");
    let first = read().await;
    time.advance(Duration::from_millis(1_999));
    assert!(Arc::ptr_eq(&first, &read().await), "the tier serves it");
    time.advance(Duration::from_millis(1));
    let second = read().await;
    assert!(*second == 7 && !Arc::ptr_eq(&first, &second), "the backend was asked");
}
