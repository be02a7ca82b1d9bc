//! Mistakes that the oracle has to notice: if it does not, it would not notice them in the sources either.

use crate::world::{Backend, Load, Mistakes, Stage, World, join};
use crate::{caught, race};

/// A writer and readers, one after the other and beside each other.
fn play(backend: Backend, mistakes: Mistakes) {
    let world = World::with(backend, mistakes, |_, _| {});
    let readers = [(); 2].map(|()| world.reader(Load::Works));
    let writer = world.writer();
    join(readers).into_iter().for_each(drop);
    writer.join().unwrap();
    let _ = world.reader(Load::Works).join().unwrap();
    world.assert_settled();
}

#[test]
fn a_promotion_without_the_look_at_the_flight_is_caught() {
    let mistakes = Mistakes { promotes_unchecked: true, ..Mistakes::default() };
    let after = caught(move || play(Backend::InProcess, mistakes));
    println!("caught after {after} schedules");
}

/// A reader in this process; a writer in another one, which returns; then a reader in this one again.
fn play_remotely(mistakes: Mistakes) {
    let world = World::with(Backend::Remote, mistakes, |_, stage| {
        if stage == Stage::Filled {
            // The answer to the fill is on its way.
            (0..6).for_each(|_| shuttle::thread::yield_now());
        }
    });
    let reader = world.reader(Load::Works);
    let later = world.start(|world| {
        world.write();
        shuttle::future::block_on(world.read(Load::Works)).map(drop)
    });
    let _ = reader.join().unwrap();
    let _ = later.join().unwrap();
}

#[test]
fn joiners_during_the_fill_are_caught() {
    let mistakes = Mistakes { does_not_seal: true, ..Mistakes::default() };
    let after = caught(move || play_remotely(mistakes));
    println!("caught after {after} schedules");
}

#[test]
fn a_lost_lease_that_is_shared_with_all_is_caught() {
    let mistakes = Mistakes { finishes_for_all: true, ..Mistakes::default() };
    let after = caught(move || play_remotely(mistakes));
    println!("caught after {after} schedules");
}

#[test]
fn without_a_mistake_nothing_is_caught() {
    race(|| {
        play(Backend::InProcess, Mistakes::default());
        play_remotely(Mistakes::default());
    });
}
