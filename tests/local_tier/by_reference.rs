//! Values by reference: served without a clone, and shared with methods that return them.

use std::sync::Arc;

use cache_runtime::{CacheError, LocalTier};

use super::world::{Large, World, ready, world};

/// Loads by hand what [`World::plain`] loads.
fn load(world: &World, id: u64) -> Arc<Large> {
    let loaded = world
        .cache
        .get_or_load_shared(format!("plain:{id}"), 300, async || Ok::<_, String>(world.load_large(id)));
    ready(loaded).expect("it loads")
}

fn read(world: &World, id: u64) -> Option<Arc<Large>> {
    ready(world.cache.get_shared::<Large>(format!("plain:{id}"))).expect("memory answers")
}

#[test]
fn a_value_by_reference_is_loaded_once_and_never_cloned() {
    let world = world(LocalTier::new(100));
    let first = load(&world, 7);
    let before = world.calls();
    for _ in 0..5 {
        assert!(Arc::ptr_eq(&first, &load(&world, 7)));
        assert!(read(&world, 7).is_some_and(|read| Arc::ptr_eq(&first, &read)));
    }
    assert_eq!((world.loads(), first.clones(), world.calls()), (1, 0, before));
}

#[test]
fn a_value_by_reference_is_that_of_the_methods() {
    let world = world(LocalTier::new(100));
    assert_eq!(ready(world.plain(7)).text, "8");
    let shared = read(&world, 7).expect("it is there");
    assert!(Arc::ptr_eq(&shared, &load(&world, 7)));
    let before = shared.clones();
    assert_eq!(ready(world.plain(7)).text, "8");
    assert_eq!((shared.clones() - before, world.loads()), (1, 1), "the method clones, as it has to");
}

#[test]
fn a_value_by_reference_is_read_from_the_backend_once() {
    let world = world(LocalTier::new(100));
    let _ = load(&world, 7);
    let another = world.another(LocalTier::new(100));
    let before = world.calls();
    let first = read(&another, 7).expect("the backend has it");
    assert!(Arc::ptr_eq(&first, &read(&another, 7).expect("the local tier has it")));
    assert_eq!((world.calls() - before, first.clones()), (1, 0));
}

#[test]
fn a_value_by_reference_goes_with_its_key() {
    let world = world(LocalTier::new(100));
    assert!(read(&world, 7).is_none());
    let _ = load(&world, 7);
    assert!(ready(world.cache.delete("plain:7")).expect("memory answers"));
    assert!(read(&world, 7).is_none());
    let _ = load(&world, 7);
    world.advance_millis(300_000);
    assert!(read(&world, 7).is_none());
    world.set_source(10);
    assert_eq!(load(&world, 7).text, "17");
}

#[test]
fn a_not_there_is_none_by_reference() {
    let world = world(LocalTier::new(100));
    assert_eq!(ready(world.rare(7)), None);
    assert_eq!(ready(world.cache.get_shared::<u64>("rare:7")).expect("memory answers"), None);
}

#[test]
fn what_does_not_decode_is_an_error_by_reference_as_by_value() {
    let world = world(LocalTier::new(100));
    let _ = ready(world.cache.set("plain:7", &7_u64, 300)).expect("memory answers");
    let read = ready(world.cache.get_shared::<Large>("plain:7"));
    assert!(matches!(read, Err(CacheError::Decode { operation: "get_shared", .. })));
    assert_eq!(load(&world, 7).text, "8", "and a load replaces it");
}

#[test]
fn a_failed_load_is_not_kept_by_reference() {
    let world = world(LocalTier::new(100));
    let failed = world.cache.get_or_load_shared::<Large, _>("plain:7", 300, async || Err("no"));
    assert_eq!(ready(failed).expect_err("it fails"), "no");
    assert_eq!(load(&world, 7).text, "8");
}

#[test]
fn values_of_several_types_are_loaded_by_hand() {
    let world = world(LocalTier::new(100));
    for _ in 0..3 {
        let number = world.cache.get_or_load("n", 300, async || Ok::<_, ()>(world.load()));
        assert_eq!(ready(number), Ok(1));
        let text = world.cache.get_or_load("t", 300, async || Ok::<_, ()>(world.load().to_string()));
        assert_eq!(ready(text).as_deref(), Ok("1"));
    }
    assert_eq!(world.loads(), 2, "each once, not only those of the first type");
}
