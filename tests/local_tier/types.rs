//! Values of several types and versions under one key text.

use std::sync::Arc;

use cache_runtime::{LocalTier, cached};

use super::world::{Large, World, ready, world};

/// Methods of other types under keys that [`World`] has too.
struct Other(World);

impl Other {
    #[cached(key = "number:<id>", ttl = 300, cache = self.0.cache)]
    async fn text(&self, id: u64) -> String {
        format!("text {id}")
    }

    #[cached(key = "shared:<id>", ttl = 300, cache = self.0.cache)]
    async fn plain(&self, id: u64) -> Large {
        self.0.shared_result(id).await.map(|shared| Large::clone(&shared)).expect("it loads")
    }

    #[cached(key = "rare:<id>", ttl = 300, cache = self.0.cache)]
    async fn never_absent(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "lives:<id>", ttl = 300, version = 2, cache = self.0.cache)]
    async fn of_version_two(&self, id: u64) -> u64 {
        id + 1_000
    }
}

#[test]
fn a_value_of_another_type_under_the_key_is_a_miss() {
    let world = world(LocalTier::new(100));
    let other = Other(world.clone());
    for _ in 0..5 {
        assert_eq!(ready(world.number(7)), 8);
        assert_eq!(ready(world.number(7)), 8);
        assert_eq!(ready(other.text(7)), "text 7");
        assert_eq!(ready(other.text(7)), "text 7");
    }
    ready(world.change(7, 2));
    assert_eq!(ready(other.text(7)), "text 7");
    assert_eq!(ready(world.number(7)), 9, "and neither hides an invalidation from the other");
}

#[test]
fn a_value_of_another_version_under_the_key_is_a_miss() {
    let world = world(LocalTier::new(100));
    let other = Other(world.clone());
    for _ in 0..5 {
        assert_eq!(ready(world.lives(7)), 8);
        assert_eq!(ready(other.of_version_two(7)), 1_007);
    }
}

#[test]
fn a_type_and_an_arc_of_it_under_one_key_are_one_value() {
    let world = world(LocalTier::new(100));
    let other = Other(world.clone());
    for _ in 0..5 {
        assert_eq!(ready(world.shared(7)).text, "8");
        assert_eq!(ready(other.plain(7)).text, "8");
    }
}

#[test]
fn a_not_there_is_a_miss_for_who_cannot_say_so() {
    let world = world(LocalTier::new(100));
    let other = Other(world.clone());
    for _ in 0..5 {
        assert_eq!(ready(world.rare(7)), None);
        assert_eq!(ready(other.never_absent(7)), 7);
        ready(world.cache.clear()).expect("memory answers");
    }
}

#[test]
fn what_was_set_by_hand_is_served_if_it_is_of_the_type_and_else_is_a_miss() {
    let world = world(LocalTier::new(100));
    let set = |value: &str| {
        let _ = ready(world.cache.set("number:7", &value.to_owned(), 300)).expect("memory answers");
    };
    set("no number");
    assert_eq!(ready(world.number(7)), 8);
    set("no number either");
    assert_eq!(ready(world.number(7)), 8);
    let _ = ready(world.cache.set("number:7", &77_u64, 300)).expect("memory answers");
    assert_eq!((ready(world.number(7)), ready(world.number(7))), (77, 77));
    assert_eq!(world.loads(), 2);
}

#[test]
fn an_arc_that_was_given_out_outlives_its_entry() {
    let world = world(LocalTier::new(1));
    let mut given: Vec<Arc<Large>> = (0..100).map(|id| ready(world.shared(id))).collect();
    ready(world.cache.clear()).expect("memory answers");
    given.extend((0..100).map(|id| ready(world.shared(id))));
    for (n, large) in given.iter().enumerate() {
        assert_eq!(large.text, (n % 100 + 1).to_string());
    }
}
