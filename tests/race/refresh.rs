//! Refreshes of a stale value in the background, beside its readers and writers.

use std::sync::atomic::Ordering;

use shuttle::future::block_on;
use shuttle::sync::Arc;

use crate::race;
use crate::store::flight::Entered;
use crate::store::local_tier::{Deadlines, Prepared};
use crate::world::{Load, World, join, within_polls};

/// A world whose tier holds a stale value, which [`World::read`] serves.
fn stale() -> Arc<World> {
    let world = World::new();
    let deadlines = Deadlines { fresh_until: 0, stale_until: u64::MAX };
    let value = std::sync::Arc::new(world.database.load(Ordering::SeqCst));
    drop(world.tier.insert(Prepared::new(0, "key", Some(value), deadlines, 0, 8)));
    world
}

/// Leads the key's flight, unless somebody does, for at most so many polls.
fn refresh(world: &World, load: Load, polls: usize) {
    if let Entered::Lead(leader) = world.flights.enter::<u64>(0, "key", None) {
        let _ = block_on(within_polls(polls, world.lead(leader, "key", load)));
    }
}

#[test]
fn a_refresh_beside_a_write_and_readers() {
    race(|| {
        let world = stale();
        let refresher = world.start(|world| refresh(world, Load::Works, usize::MAX));
        let (writer, readers) = (world.writer(), [(); 2].map(|()| world.reader(Load::Works)));
        assert!(join(readers).iter().all(Result::is_ok));
        join([refresher, writer]);
        world.assert_settled();
    });
}

#[test]
fn two_refreshes_beside_two_writes() {
    race(|| {
        let world = stale();
        let refreshers = [(); 2].map(|()| world.start(|world| refresh(world, Load::Works, usize::MAX)));
        let (writers, reader) = ([(); 2].map(|()| world.writer()), world.reader(Load::Works));
        assert!(reader.join().unwrap().is_ok());
        join(refreshers.into_iter().chain(writers));
        world.assert_settled();
    });
}

#[test]
fn a_refresh_that_fails_beside_a_write() {
    race(|| {
        let world = stale();
        let refresher = world.start(|world| refresh(world, Load::FailsAlone, usize::MAX));
        let (writer, reader) = (world.writer(), world.reader(Load::Works));
        assert!(reader.join().unwrap().is_ok());
        join([refresher, writer]);
        world.assert_settled();
    });
}

#[test]
fn a_refresh_that_is_dropped_beside_a_write() {
    for polls in 0..5 {
        race(move || {
            let world = stale();
            let refresher = world.start(move |world| refresh(world, Load::Works, polls));
            let (writer, reader) = (world.writer(), world.reader(Load::Works));
            assert!(reader.join().unwrap().is_ok());
            join([refresher, writer]);
            world.assert_settled();
        });
    }
}
