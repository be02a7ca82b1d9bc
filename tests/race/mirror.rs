//! Threads that read again what they have read, from their mirrors, beside what makes that stale.

use shuttle::thread::yield_now;

use crate::race;
use crate::world::{Load, World, join};

/// Starts a thread that reads several times: at first the load or the tier, then its mirror.
fn reading_again(world: &std::sync::Arc<World>) -> shuttle::thread::JoinHandle<()> {
    world.start(|world| {
        for _ in 0..4 {
            assert!(shuttle::future::block_on(world.read(Load::Works)).is_ok());
            yield_now();
        }
    })
}

#[test]
fn a_write_beside_threads_that_read_again() {
    race(|| {
        let world = World::new();
        let readers = [(); 2].map(|()| reading_again(&world));
        world.writer().join().unwrap();
        join(readers);
        world.assert_settled();
    });
}

#[test]
fn two_writes_beside_a_thread_that_reads_again() {
    race(|| {
        let world = World::new();
        let reader = reading_again(&world);
        join([(); 2].map(|()| world.writer()));
        reader.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn a_cleared_namespace_beside_a_thread_that_reads_again() {
    race(|| {
        let world = World::new();
        let reader = reading_again(&world);
        let writer = world.start(|world| {
            world.write_with(|| {
                world.flights.invalidate_matching(0, "");
                yield_now();
                world.tier.remove_matching(0, "");
            });
        });
        writer.join().unwrap();
        reader.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn a_writer_that_reads_sees_its_own_write() {
    race(|| {
        let world = World::new();
        let writers = [(); 2].map(|()| {
            world.start(|world| {
                for _ in 0..2 {
                    assert!(shuttle::future::block_on(world.read(Load::Works)).is_ok());
                    world.write();
                }
                assert!(shuttle::future::block_on(world.read(Load::Works)).is_ok());
            })
        });
        join(writers);
        world.assert_settled();
    });
}
