//! Waiters that are dropped, or wait for too long.

use shuttle::future::block_on;
use shuttle::sync::Arc;
use shuttle::thread::{self, JoinHandle};

use crate::race;
use crate::store::flight::{Entered, WaitLimits, Waited};
use crate::world::{LIMIT, Load, World, join, within_polls};

const LIMITS: WaitLimits = WaitLimits { outside: LIMIT, inside: LIMIT };

/// Moves the time until the threads have ended: a wait may begin after any moment of it.
fn pass_time<R>(world: &Arc<World>, threads: impl IntoIterator<Item = JoinHandle<R>>) -> Vec<R> {
    let time = world.start(|world| {
        while !world.clock.is_finished() {
            world.clock.advance(LIMIT);
            thread::yield_now();
        }
    });
    let results = join(threads);
    world.clock.finish();
    time.join().unwrap();
    results
}

#[test]
fn a_dropped_waiter_takes_nothing_with_it() {
    race(|| {
        let world = World::new();
        let Entered::Lead(leader) = world.flights.enter::<u64>(0, "key", None) else {
            panic!("the key is cold")
        };
        let Entered::Wait(first) = world.flights.enter::<u64>(0, "key", None) else { panic!("it is led") };
        let reader = world.reader(Load::Works);
        let waiter = world.start(|world| {
            // Polled once: it may have been the one who was woken to lead.
            let clock = world.clock.clone();
            block_on(within_polls(1, first.wait(LIMITS, &clock))).map(drop)
        });
        drop(leader);
        assert_eq!(reader.join().unwrap(), Ok(1));
        waiter.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn a_waiter_that_is_never_polled_takes_nothing_with_it() {
    race(|| {
        let world = World::new();
        let Entered::Lead(leader) = world.flights.enter::<u64>(0, "key", None) else {
            panic!("the key is cold")
        };
        let Entered::Wait(first) = world.flights.enter::<u64>(0, "key", None) else { panic!("it is led") };
        let reader = world.reader(Load::Works);
        let waiter = world.start(|_| drop(first));
        drop(leader);
        assert_eq!(reader.join().unwrap(), Ok(1));
        waiter.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn the_end_of_a_wait_beside_the_leaders_finish() {
    race(|| {
        let world = World::new();
        let readers = [(); 3].map(|()| world.reader(Load::Works));
        world.clock.advance(LIMIT);
        assert_eq!(join(readers), [Ok(1), Ok(1), Ok(1)]);
        world.assert_settled();
    });
}

#[test]
fn the_end_of_a_second_wait_beside_everything() {
    race(|| {
        let world = World::new();
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        let dropped = world.dropped_reader(2);
        let writer = world.writer();
        for _ in 0..2 {
            world.clock.advance(LIMIT);
        }
        assert!(join(readers).iter().all(Result::is_ok));
        dropped.join().unwrap();
        writer.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn an_overdue_leader_promotes_nothing_after_another_answered_and_a_write() {
    race(|| {
        let world = World::new();
        let Entered::Lead(overdue) = world.flights.enter::<u64>(0, "key", None) else {
            panic!("the key is cold")
        };
        // It has loaded 1, and stands still until a waiter has lost patience and answered another in its place.
        let waiters = [(); 2].map(|()| world.reader(Load::Works));
        assert!(pass_time(&world, waiters).iter().all(Result::is_ok));
        let writer = world.writer();
        world.promote(&overdue, "key", 1);
        overdue.finish(&1);
        writer.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn a_leader_that_is_never_polled_hangs_nobody() {
    race(|| {
        let world = World::new();
        let Entered::Lead(pinned) = world.flights.enter::<u64>(0, "key", None) else {
            panic!("the key is cold")
        };
        let waiters = [(); 3].map(|()| {
            let Entered::Wait(waiter) = world.flights.enter::<u64>(0, "key", None) else {
                panic!("it is led")
            };
            world.start(|world| {
                let clock = world.clock.clone();
                match block_on(waiter.wait(LIMITS, &clock)) {
                    Waited::Value(value) => value,
                    Waited::LoadYourself(leader) => {
                        leader.finish(&1);
                        1
                    }
                    Waited::TimedOut => 1,
                    Waited::Lead(_) | Waited::Failed(_) => 0,
                }
            })
        });
        let values = pass_time(&world, waiters);
        assert_eq!(values, [1, 1, 1]);
        drop(pinned);
        world.assert_settled();
    });
}

#[test]
fn crossed_loads_end_when_time_passes() {
    race(|| {
        let world = World::new();
        let crossed = |outer: &'static str, inner: &'static str| {
            world.start(move |world| {
                let Entered::Lead(leader) = world.flights.enter::<u64>(0, outer, None) else {
                    return block_on(world.call(outer, Load::Works));
                };
                let value = block_on(crate::store::flight::leading(world.call(inner, Load::Works)));
                leader.finish(&1);
                value
            })
        };
        let calls = [crossed("a", "b"), crossed("b", "a")];
        let values = pass_time(&world, calls);
        assert_eq!(values, [Ok(1), Ok(1)]);
        world.assert_settled();
    });
}
