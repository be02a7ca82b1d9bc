//! Leaders that are dropped, panic or fail.

use crate::race;
use crate::world::{Failure, Load, World, join};

/// A leader dropped at any of its polls, with so many other readers: they all get a value.
fn abandoned_with(readers: usize) {
    for polls in 1..=4 {
        race(move || {
            let world = World::unsealed();
            let dropped = world.dropped_reader(polls);
            let readers: Vec<_> = (0..readers).map(|_| world.reader(Load::Works)).collect();
            let looker = world.start(|world| world.hit("key"));
            assert!(join(readers).iter().all(Result::is_ok));
            dropped.join().unwrap();
            looker.join().unwrap();
            assert!(world.loads() <= 2);
            world.assert_settled();
        });
    }
}

#[test]
fn an_abandoned_leader_without_waiters_leaves_nothing() {
    abandoned_with(0);
}

#[test]
fn an_abandoned_leader_with_one_waiter_is_replaced() {
    abandoned_with(1);
}

#[test]
fn an_abandoned_leader_with_three_waiters_is_replaced_once() {
    abandoned_with(3);
}

#[test]
fn whoever_takes_over_and_is_dropped_too_is_replaced_again() {
    race(|| {
        let world = World::new();
        let dropped = [1, 2, 3].map(|polls| world.dropped_reader(polls));
        assert!(world.reader(Load::Works).join().unwrap().is_ok());
        join(dropped);
        world.assert_settled();
    });
}

#[test]
fn when_everybody_is_dropped_nothing_is_left() {
    race(|| {
        let world = World::new();
        join([1, 1, 2].map(|polls| world.dropped_reader(polls)));
        assert_eq!(world.flights.len(), 0);
    });
}

#[test]
fn a_dropped_leader_beside_a_write() {
    race(|| {
        let world = World::new();
        let dropped = world.dropped_reader(2);
        let writer = world.writer();
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        dropped.join().unwrap();
        writer.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn a_panicking_leader_is_replaced() {
    race(|| {
        let world = World::unsealed();
        let panicking = world.panicking_reader();
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        panicking.join().unwrap();
        assert!(world.loads() <= 2);
        world.assert_settled();
    });
}

#[test]
fn a_failure_that_can_be_shared_reaches_who_waits() {
    race(|| {
        let world = World::new();
        let failed = join([(); 3].map(|()| world.reader(Load::Fails)));
        let own = failed.iter().filter(|result| **result == Err(Failure::Own)).count();
        assert!(failed.iter().all(Result::is_err));
        assert_eq!(own, world.loads());
        world.assert_settled();
    });
}

#[test]
fn after_a_failure_that_cannot_be_shared_each_loads() {
    race(|| {
        let world = World::new();
        let failed = join([(); 3].map(|()| world.reader(Load::FailsAlone)));
        assert!(failed.iter().all(|result| *result == Err(Failure::Own)));
        assert_eq!(world.loads(), 3);
        world.assert_settled();
    });
}

#[test]
fn after_a_failure_beside_a_write_the_others_get_the_new_value() {
    race(|| {
        let world = World::new();
        let failing = world.reader(Load::FailsAlone);
        let writer = world.writer();
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        let _ = failing.join().unwrap();
        writer.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn after_a_failure_with_droppers_nobody_is_forgotten() {
    race(|| {
        let world = World::new();
        let failing = world.reader(Load::FailsAlone);
        let dropped = world.dropped_reader(1);
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        let _ = failing.join().unwrap();
        dropped.join().unwrap();
        world.assert_settled();
    });
}
