//! Writes at every point of a load.

use crate::race;
use crate::world::{Backend, Load, Mistakes, Stage, World, join};

/// A write by the leader itself when it reaches the stage, with readers beside it.
fn written_at(stage: Stage) {
    race(move || {
        let world = World::with(Backend::InProcess, Mistakes::default(), move |world, at| {
            if at == stage && world.loads() == 1 {
                world.write();
            }
        });
        let readers = [(); 3].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        world.assert_settled();
    });
}

#[test]
fn a_write_during_the_load() {
    written_at(Stage::Loading);
}

#[test]
fn a_write_before_the_seal() {
    written_at(Stage::Loaded);
}

#[test]
fn a_write_after_the_seal() {
    written_at(Stage::Sealed);
}

#[test]
fn a_write_between_fill_and_promotion() {
    written_at(Stage::Filled);
}

#[test]
fn a_write_between_promotion_and_finish() {
    written_at(Stage::Promoted);
}

#[test]
fn a_write_during_the_promotion() {
    race(|| {
        let world = World::new();
        let (reader, writer) = (world.reader(Load::Works), world.writer());
        assert!(reader.join().unwrap().is_ok());
        writer.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn two_writes_beside_two_readers() {
    race(|| {
        let world = World::new();
        let writers = [(); 2].map(|()| world.writer());
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        join(writers);
        world.assert_settled();
    });
}

/// The second finds nothing left to cut off, and returns; then the first must have.
#[test]
fn two_writes_beside_a_fill_and_a_late_reader() {
    race(|| {
        let world = World::new();
        let leader = world.reader(Load::Works);
        let writers = [(); 2].map(|()| world.writer());
        let late = world.reader(Load::Works);
        assert!(leader.join().unwrap().is_ok() && late.join().unwrap().is_ok());
        join(writers);
        world.assert_settled();
    });
}

#[test]
fn a_cleared_namespace_beside_a_fill() {
    race(|| {
        let world = World::new();
        let writer = world.start(|world| {
            world.write_with(|| {
                world.flights.invalidate_matching(0, "");
                shuttle::thread::yield_now();
                world.tier.remove_matching(0, "");
            });
        });
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        writer.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn an_invalidated_prefix_beside_a_fill() {
    race(|| {
        let world = World::new();
        let writer = world.start(|world| {
            world.write_with(|| {
                world.flights.invalidate_matching(0, "k");
                shuttle::thread::yield_now();
                world.tier.remove_matching(0, "k");
            });
        });
        let readers = [(); 2].map(|()| world.reader(Load::Works));
        assert!(join(readers).iter().all(Result::is_ok));
        writer.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn a_write_in_another_process_beside_readers() {
    for backend in Backend::ELSEWHERE {
        race(move || {
            let world = World::at(backend);
            let writer = world.writer();
            let readers = [(); 3].map(|()| world.reader(Load::Works));
            assert!(join(readers).iter().all(Result::is_ok));
            writer.join().unwrap();
            world.assert_settled();
        });
    }
}

#[test]
fn two_writes_in_another_process_beside_readers_one_of_them_dropped() {
    for backend in Backend::ELSEWHERE {
        race(move || {
            let world = World::at(backend);
            let writers = [(); 2].map(|()| world.writer());
            let dropped = world.dropped_reader(2);
            let readers = [(); 2].map(|()| world.reader(Load::Works));
            assert!(join(readers).iter().all(Result::is_ok));
            join(writers);
            dropped.join().unwrap();
            world.assert_settled();
        });
    }
}
