//! Invalidations of a tag beside whatever may be under way with what carries it.

use shuttle::future::block_on;
use shuttle::thread::yield_now;

use crate::world::{Backend, Load, Mistakes, Stage, World, join};
use crate::{caught, race};

/// A write by the leader itself when it reaches the stage, with readers beside it, who join or do not.
fn written_at(backend: Backend, stage: Stage) {
    race(move || {
        let world = World::tagged(backend, Mistakes::default(), move |world, at| {
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
fn a_tag_is_invalidated_during_the_load() {
    written_at(Backend::InProcess, Stage::Loading);
    for backend in Backend::ELSEWHERE {
        written_at(backend, Stage::Loading);
    }
}

#[test]
fn a_tag_is_invalidated_beside_the_fill() {
    for backend in Backend::ELSEWHERE {
        written_at(backend, Stage::Sealed);
        written_at(backend, Stage::Filled);
    }
}

#[test]
fn a_tag_is_invalidated_beside_the_promotion() {
    written_at(Backend::InProcess, Stage::Filled);
    written_at(Backend::InProcess, Stage::Promoted);
}

/// A reader, and one who begins after a write has returned: it must not join what is from before.
fn join_after_a_write(backend: Backend, mistakes: Mistakes) {
    let world = World::tagged(backend, mistakes, |_, stage| {
        if stage == Stage::Filled {
            // The answer to the fill is on its way.
            (0..6).for_each(|_| yield_now());
        }
    });
    let reader = world.reader(Load::Works);
    let later = world.start(|world| {
        world.write();
        for _ in 0..3 {
            // At first the load or the tier, then the mirror.
            let _ = block_on(world.read(Load::Works));
        }
    });
    let _ = reader.join().unwrap();
    later.join().unwrap();
    let _ = world.reader(Load::Works).join().unwrap();
    world.assert_settled();
}

#[test]
fn a_tag_is_invalidated_beside_a_join() {
    race(|| {
        join_after_a_write(Backend::InProcess, Mistakes::default());
        join_after_a_write(Backend::Remote, Mistakes::default());
        join_after_a_write(Backend::Looked, Mistakes::default());
    });
}

#[test]
fn a_tag_is_invalidated_beside_threads_that_read_again() {
    race(|| {
        let world = World::tagged(Backend::InProcess, Mistakes::default(), |_, _| {});
        let readers = [(); 2].map(|()| {
            world.start(|world| {
                for _ in 0..4 {
                    assert!(block_on(world.read(Load::Works)).is_ok());
                    yield_now();
                }
            })
        });
        world.writer().join().unwrap();
        join(readers);
        world.assert_settled();
    });
}

#[test]
fn a_promotion_that_forgets_the_tag_is_caught() {
    let mistakes = Mistakes { forgets_tags: true, ..Mistakes::default() };
    let after = caught(move || join_after_a_write(Backend::InProcess, mistakes));
    println!("caught after {after} schedules");
}

#[test]
fn a_filled_value_with_a_tag_that_is_shared_with_all_is_caught() {
    let mistakes = Mistakes { finishes_for_all: true, ..Mistakes::default() };
    let after = caught(move || join_after_a_write(Backend::Remote, mistakes));
    println!("caught after {after} schedules");
}
