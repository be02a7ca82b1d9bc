//! Joining, leading, sealing: who loads, and how often.

use shuttle::sync::Arc;
use shuttle::thread;

use crate::race;
use crate::store::flight::Entered;
use crate::store::local_tier::{Deadlines, Hit, Prepared};
use crate::world::{Backend, Load, World, join};

#[test]
fn callers_of_a_cold_key_load_once() {
    race(|| {
        let world = World::unsealed();
        let values = join([(); 3].map(|()| world.reader(Load::Works)));
        assert_eq!(values, [Ok(1), Ok(1), Ok(1)]);
        assert_eq!(world.loads(), 1);
        world.assert_settled();
    });
}

#[test]
fn callers_of_a_remote_cold_key_end_with_its_value() {
    for backend in Backend::ELSEWHERE {
        race(move || {
            let world = World::at(backend);
            assert_eq!(join([(); 3].map(|()| world.reader(Load::Works))), [Ok(1), Ok(1), Ok(1)]);
            world.assert_settled();
        });
    }
}

#[test]
fn a_sealed_flight_is_not_joined_and_may_be_led_beside() {
    race(|| {
        let world = World::new();
        let Entered::Lead(leader) = world.flights.enter::<u64>(0, "key", None) else {
            panic!("the key is cold")
        };
        let joining = world.start(|world| match world.flights.enter::<u64>(0, "key", None) {
            Entered::Lead(other) => drop(other),
            Entered::Wait(waiter) => drop(waiter),
        });
        leader.seal();
        let Entered::Lead(other) = world.flights.enter::<u64>(0, "key", None) else {
            // Only the thread's flight is open now, and it is not ours.
            joining.join().unwrap();
            drop(leader);
            return world.assert_settled();
        };
        other.seal();
        other.finish(&2);
        leader.finish(&1);
        joining.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn two_types_under_one_key_do_not_meet() {
    race(|| {
        let world = World::new();
        let other = world.start(|world| match world.flights.enter::<u32>(0, "key", None) {
            Entered::Lead(leader) => leader.finish(&7),
            Entered::Wait(_) => panic!("nobody else loads this type"),
        });
        let reader = world.reader(Load::Works);
        let writer = world.writer();
        assert!(reader.join().unwrap().is_ok());
        join([other, writer]);
        world.assert_settled();
    });
}

#[test]
fn loads_of_different_keys_do_not_meet() {
    race(|| {
        let world = World::new();
        let other = world.start(|world| {
            let call = world.call("other", Load::Works);
            shuttle::future::block_on(call)
        });
        let reader = world.reader(Load::Works);
        world.write();
        assert!(other.join().unwrap().is_ok() && reader.join().unwrap().is_ok());
        world.assert_settled();
    });
}

#[test]
fn the_end_of_a_life_and_a_refresh_give_the_old_value_or_the_new_one() {
    race(|| {
        let world = World::new();
        let put = |world: &World, value: u64, until| {
            let deadlines = Deadlines { fresh_until: until, stale_until: until + 5 };
            drop(world.tier.insert(Prepared::new(
                0,
                "key",
                Some(std::sync::Arc::new(value)),
                deadlines,
                0,
                8,
            )));
        };
        put(&world, 1, 10);
        let refresh = world.start(move |world| {
            thread::yield_now();
            put(world, 2, 30);
        });
        let reader = world.start(|world| {
            [9, 12, 20].map(|now| {
                thread::yield_now();
                world.look("key", now)
            })
        });
        let seen = reader.join().unwrap();
        assert!(matches!(seen[0], Some((Hit::Fresh, 1 | 2))));
        assert!(matches!(seen[1], Some((Hit::Stale, 1) | (Hit::Fresh, 2))));
        assert!(matches!(seen[2], None | Some((Hit::Fresh, 2))));
        refresh.join().unwrap();
        assert_eq!(world.look("key", 29), Some((Hit::Fresh, 2)));
    });
}

#[test]
fn eviction_beside_reads_only_makes_misses() {
    race(|| {
        let world = World::new();
        let filler = world.start(|world| {
            for key in ["a", "b", "c", "d", "e"] {
                thread::yield_now();
                let until = Deadlines { fresh_until: 1, stale_until: 1 };
                drop(world.tier.insert(Prepared::new(0, key, Some(std::sync::Arc::new(0_u64)), until, 0, 8)));
            }
        });
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        filler.join().unwrap();
        assert!(world.tier.len() <= 4);
        world.assert_settled();
    });
}

#[test]
fn writers_readers_and_droppers_all_at_once() {
    race(|| {
        let world = World::new();
        let writers = [(); 2].map(|()| world.writer());
        let dropped = world.dropped_reader(2);
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        join(writers);
        dropped.join().unwrap();
        let last = world.reader(Load::Works).join().unwrap();
        assert_eq!(last, Ok(3));
        world.assert_settled();
        assert_eq!(Arc::strong_count(&world), 1);
    });
}
