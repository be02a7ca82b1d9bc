//! The protocol of `RedisBackend`, searched state by state with Stateright: leases, refreshes, barriers, updates,
//! generations of tags, epochs, and the flights of two processes, with everything interleaved.
//!
//! With two readers each world is searched whole, but for the last, which has everything in it. `MODEL_STATES` asks
//! for three readers, and for so many steps from state to state of each world at the most. The controls take one rule
//! away each; the search must then find a read that is stale.

mod cast;
mod reader;
mod server;
mod world;
mod writer;

use std::num::NonZeroUsize;
use std::time::Duration;

use cast::{Cast, Kind};
use stateright::{Checker, Model};
use world::FRESH;

/// The most steps from state to state in a world of two readers.
const STEPS: usize = 8_000_000;

/// The most steps in a world of three, if they are asked for.
fn steps_of_three() -> Option<usize> {
    std::env::var("MODEL_STATES").ok().and_then(|text| text.parse().ok())
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// Searches a world for a stale read; there must be none.
#[track_caller]
fn holds(title: &str, cast: Cast) {
    let most = steps_of_three().unwrap_or(STEPS);
    let checker = cast.checker().threads(threads()).target_state_count(most).spawn_bfs().join();
    let is_whole = checker.state_count() < most;
    let how = if is_whole { "all of them" } else { "the first of them" };
    println!("{title}: {} states, {how}, {} steps deep", checker.unique_state_count(), checker.max_depth());
    for (property, path) in checker.discoveries() {
        let broken = property == FRESH || property.starts_with("who waits");
        assert!(!broken, "{title}: not so: {property}\n{path}");
    }
    for property in ["everybody comes to an end", "a fill is stored"] {
        // Such a state may lie beyond the limit.
        assert!(checker.discovery(property).is_some() || !is_whole, "{title}: never happens: {property}");
    }
}

/// Searches a world that lacks a rule; a stale read must be found.
#[track_caller]
fn fails(title: &str, cast: Cast) {
    let checker = cast.checker().threads(threads()).timeout(Duration::from_secs(120)).spawn_bfs().join();
    let path = checker.discovery(FRESH).unwrap_or_else(|| panic!("{title}: the model does not see it"));
    println!(
        "{title}: stale after {} steps, among {} states",
        path.into_actions().len(),
        checker.unique_state_count()
    );
}

/// Two readers in one process with the first writer, and perhaps one with the second.
fn writes(first: Kind, second: Kind) -> Cast {
    let readers: &[usize] = if steps_of_three().is_some() { &[0, 0, 1] } else { &[0, 0] };
    Cast::new(readers, &[(first, 0), (second, 1)])
}

/// A world of two readers, for a control.
fn control(first: Kind, second: Kind) -> Cast {
    Cast::new(&[0, 0], &[(first, 0), (second, 1)])
}

#[test]
fn reads_beside_two_invalidations_one_of_them_dropped_are_fresh() {
    let cast = writes(Kind::Invalidates, Kind::Invalidates).mortal();
    holds("invalidations", cast.with(|cast| (cast.drops, cast.forgets) = (true, true)));
}

#[test]
fn reads_beside_two_updates_one_of_them_dropped_are_fresh() {
    holds("updates", writes(Kind::Updates, Kind::Updates).mortal().with(|cast| cast.forgets = true));
}

#[test]
fn reads_beside_an_update_and_an_invalidation_are_fresh() {
    holds("update and invalidation", writes(Kind::Updates, Kind::Invalidates).reads(2));
}

#[test]
fn reads_beside_a_key_of_the_result_are_fresh() {
    holds("key of the result", writes(Kind::OfResult, Kind::Updates).with(|cast| cast.drops = true));
}

#[test]
fn reads_beside_an_invalidation_of_a_tag_are_fresh() {
    let cast = writes(Kind::Tag, Kind::Invalidates).mortal();
    holds("tags", cast.with(|cast| cast.forgets = true));
}

#[test]
fn reads_beside_two_invalidations_of_a_tag_are_fresh() {
    holds("two of a tag", writes(Kind::Tag, Kind::Tag).mortal().with(|cast| cast.drops = true));
}

#[test]
fn reads_beside_an_update_and_an_invalidation_of_its_tag_are_fresh() {
    holds("update and its tag", writes(Kind::Updates, Kind::Tag).reads(2));
}

#[test]
fn stale_values_that_are_refreshed_are_as_fresh_as_the_last_invalidation() {
    let cast = writes(Kind::Invalidates, Kind::Updates).mortal().reads(2);
    holds("refreshes", cast.with(|cast| (cast.ages, cast.drops) = (true, true)));
}

#[test]
fn tagged_values_that_are_refreshed_are_as_fresh_as_the_last_invalidation() {
    holds("refreshes under a tag", writes(Kind::Tag, Kind::Updates).reads(2).with(|cast| cast.ages = true));
}

#[test]
fn nothing_from_before_a_restart_is_read() {
    let cast = writes(Kind::Invalidates, Kind::Updates).reads(2);
    holds("restart", cast.with(|cast| cast.restarts = true));
}

#[test]
fn nothing_from_before_a_restart_is_read_under_a_tag() {
    holds("restart under a tag", writes(Kind::Tag, Kind::Updates).with(|cast| cast.restarts = true));
}

#[test]
fn everything_at_once_is_fresh() {
    let cast = writes(Kind::Tag, Kind::Updates).mortal().reads(2);
    holds(
        "everything but restarts",
        cast.with(|cast| {
            (cast.drops, cast.forgets, cast.ages) = (true, true, true);
        }),
    );
}

#[test]
fn control_without_leases() {
    fails(
        "without leases",
        control(Kind::Invalidates, Kind::Invalidates).without(|rules| rules.leases = false),
    );
}

#[test]
fn control_with_a_join_after_the_fill_was_sent() {
    fails("unsealed", control(Kind::Invalidates, Kind::Invalidates).without(|rules| rules.sealed = false));
}

#[test]
fn control_with_a_guard_that_removes_the_key_on_drop() {
    fails(
        "without barriers",
        control(Kind::Invalidates, Kind::Invalidates).mortal().without(|rules| rules.barriers = false),
    );
}

#[test]
fn control_without_epochs() {
    let cast = Cast::new(&[0], &[(Kind::Invalidates, 1)]).reads(2);
    fails("without epochs", cast.with(|cast| cast.restarts = true).without(|rules| rules.epochs = false));
}

#[test]
fn control_with_updates_that_were_not_alone() {
    fails("updates not alone", control(Kind::Updates, Kind::Updates).without(|rules| rules.alone = false));
}

#[test]
fn control_with_the_generation_of_the_time_of_the_fill() {
    fails("late generation", control(Kind::Invalidates, Kind::Tag).without(|rules| rules.captured = false));
}

#[test]
fn control_with_a_fill_under_a_tag_as_a_proof() {
    let cast = control(Kind::Invalidates, Kind::Tag);
    fails("fills under tags as proofs", cast.without(|rules| rules.tags_prove_nothing = false));
}

#[test]
fn control_without_a_barrier_on_the_generation() {
    let cast = control(Kind::Tag, Kind::Invalidates).mortal();
    fails("no barrier on the generation", cast.without(|rules| rules.tag_barriers = false));
}

#[test]
fn control_with_generations_that_come_again() {
    let cast = Cast::new(&[0, 1], &[(Kind::Tag, 0)]).reads(2);
    fails(
        "generations come again",
        cast.with(|cast| cast.forgets = true).without(|rules| rules.random = false),
    );
}

#[test]
fn control_with_a_refresh_that_overcontrol() {
    let cast = Cast::new(&[0, 1], &[(Kind::Invalidates, 1)]).reads(2);
    fails(
        "refresh overwrites",
        cast.with(|cast| cast.ages = true).without(|rules| rules.refreshes_end = false),
    );
}
