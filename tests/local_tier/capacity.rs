//! Tiers of every size: none, too small, by weight.

use cache_runtime::testing::{Fault, Operation};
use std::collections::HashMap;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cache_runtime::{Backend, LocalTier, cached};
use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::world::{World, ready, world, world_within};

/// Holds nothing, one thing, a few, and all; by entries and by weight.
const TIERS: [LocalTier; 7] = [
    LocalTier::new(0),
    LocalTier::new(0).weight(0),
    LocalTier::new(1),
    LocalTier::new(4),
    LocalTier::new(4).weight(1),
    LocalTier::new(4).weight(500),
    LocalTier::new(1_000),
];

#[test]
fn a_tier_of_no_capacity_serves_from_the_backend_and_is_as_right() {
    for tier in [LocalTier::new(0), LocalTier::new(0).weight(0)] {
        let world = world(tier);
        for _ in 0..10 {
            assert_eq!(ready(world.number(7)), 8);
            assert_eq!(ready(world.rare(7)), None);
        }
        assert_eq!(world.loads(), 2);
        assert_eq!(world.calls(), 2 * 11, "a fill of each, and a read of each call");
        ready(world.change(7, 2));
        assert_eq!((ready(world.number(7)), ready(world.rare(7))), (9, Some(9)));
        ready(world.replace(7, 3));
        assert_eq!((ready(world.number(7)), world.loads()), (10, 4));
        world.advance_millis(300_000);
        assert_eq!((ready(world.number(7)), world.loads()), (10, 5));
    }
}

/// A service with a gate before its loads.
struct Gated(World, Semaphore);

impl Gated {
    #[cached(key = "gated:<id>", ttl = 300, cache = self.0.cache)]
    async fn gated(&self, id: u64) -> u64 {
        self.1.acquire().await.expect("the gate is never closed").forget();
        self.0.number(id).await
    }
}

#[test]
fn a_tier_of_any_capacity_loads_a_key_once_for_all_who_miss_it() {
    for tier in TIERS {
        let gated = Gated(world(tier), Semaphore::new(0));
        let mut calls: Vec<_> = (0..10).map(|_| Box::pin(gated.gated(7))).collect();
        let mut context = Context::from_waker(Waker::noop());
        for call in &mut calls {
            assert!(call.as_mut().poll(&mut context).is_pending());
        }
        gated.1.add_permits(1);
        for call in calls {
            assert_eq!(ready(pin!(call)), 8, "{tier:?}");
        }
        assert_eq!(gated.0.loads(), 1, "{tier:?}");
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Read { first: bool, id: u64 },
    Change { first: bool, id: u64 },
    Replace { first: bool, id: u64 },
    Delete { first: bool, id: u64 },
    Set { first: bool, id: u64 },
    Clear { first: bool },
    Pass { millis: u64 },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = || (any::<bool>(), 0..40_u64);
    let step = prop_oneof![
        20 => place().prop_map(|(first, id)| Step::Read { first, id }),
        3 => place().prop_map(|(first, id)| Step::Change { first, id }),
        2 => place().prop_map(|(first, id)| Step::Replace { first, id }),
        1 => place().prop_map(|(first, id)| Step::Delete { first, id }),
        1 => place().prop_map(|(first, id)| Step::Set { first, id }),
        1 => (0..100_u64).prop_map(|millis| Step::Pass { millis: if millis == 0 { 300_000 } else { millis } }),
        1 => any::<bool>().prop_map(|first| Step::Clear { first }),
    ];
    prop::collection::vec(step, 1..400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The source changes with each step that changes anything, so a value that should be gone shows.
    #[test]
    fn eviction_never_loses_an_invalidation(steps in steps(), tiers in (0..TIERS.len(), 0..TIERS.len())) {
        let first = world(TIERS[tiers.0]);
        let second = first.another(TIERS[tiers.1]);
        let of = |is_first: bool| if is_first { &first } else { &second };
        // What is cached, until when.
        let mut held: HashMap<u64, (u64, u64)> = HashMap::new();
        let (mut source, mut now) = (1, 0);
        for step in steps {
            match step {
                Step::Read { first, id } => {
                    let (expected, _) = *held
                        .entry(id)
                        .and_modify(|held| if held.1 <= now { *held = (source + id, now + 300_000) })
                        .or_insert((source + id, now + 300_000));
                    prop_assert_eq!(ready(of(first).number(id)), expected);
                    continue;
                }
                Step::Pass { millis } => {
                    first.advance_millis(millis);
                    now += millis;
                    continue;
                }
                _ => {
                    source += 1;
                    first.set_source(source);
                }
            }
            match step {
                Step::Change { first, id } => {
                    ready(of(first).change(id, source));
                    held.remove(&id);
                }
                Step::Replace { first, id } => {
                    ready(of(first).replace(id, source));
                    held.insert(id, (source + id, now + 300_000));
                }
                Step::Delete { first, id } => {
                    ready(of(first).cache.delete(World::number_key(id))).expect("memory answers");
                    held.remove(&id);
                }
                Step::Set { first, id } => {
                    let value = source + id;
                    let set = of(first).cache.set(World::number_key(id), &value, 300);
                    let _ = ready(set).expect("memory answers");
                    held.insert(id, (source + id, now + 300_000));
                }
                Step::Clear { first } => {
                    ready(of(first).cache.clear()).expect("memory answers");
                    held.clear();
                }
                Step::Read { .. } | Step::Pass { .. } => {}
            }
        }
    }
}

#[test]
fn a_tier_that_is_too_small_evicts_and_the_backend_serves_what_it_evicted() {
    let world = world(LocalTier::new(4));
    for _ in 0..3 {
        for id in 0..100 {
            assert_eq!(ready(world.number(id)), id + 1);
        }
    }
    assert_eq!(world.loads(), 100);
    let calls = world.calls();
    assert!(calls > 350, "{calls}: most are served by the backend");
}

/// A backend that is full of barriers has no room for a lease. Without one, nothing would keep a late fill from
/// storing what a write has made stale meanwhile.
#[test]
fn a_load_for_whose_lease_the_backend_has_no_room_is_not_stored() {
    for tier in TIERS {
        let world = world_within(tier, 700);
        let others = ["app:number:1", "app:number:2"];
        let token = ready(world.counting.begin_write(&others, Duration::from_secs(30)));
        world.counting.set(Operation::Fill, Fault::Pend(3));
        {
            let mut late = pin!(world.number(7));
            let mut context = Context::from_waker(Waker::noop());
            // On its way to the backend, unless it is not sent at all.
            let sent = late.as_mut().poll(&mut context).is_pending();
            let ended = world.counting.finish_write(&others, token.expect("memory answers"), None);
            assert!(!ready(ended).expect("memory answers"));
            ready(world.change(7, 2));
            if sent {
                assert_eq!(end(late), 8);
            }
        }
        world.counting.heal();
        assert_eq!((ready(world.number(7)), ready(world.number(7))), (9, 9), "{tier:?}");
        assert_eq!(world.loads(), 2, "{tier:?}");
    }
}

/// Polls a call until it ends, which a few times are enough for.
fn end<T>(mut call: Pin<&mut impl Future<Output = T>>) -> T {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..10 {
        if let Poll::Ready(value) = call.as_mut().poll(&mut context) {
            return value;
        }
    }
    panic!("the call hangs");
}
