//! Tags: what carries one is stale once it is invalidated, in every process, whatever is under way.
//!
//! The rules hold on memory, on Redis and Valkey (where they are installed; else a line says `skipped`), and on a
//! backend that has neither leases nor barriers.

#[path = "tags/attributes.rs"]
mod attributes;
#[path = "tags/rules.rs"]
mod rules;
#[path = "redis/server.rs"]
#[expect(dead_code, reason = "made for more than these tests")]
mod server;
#[path = "tags/time.rs"]
mod time;
#[path = "tags/whole.rs"]
mod whole;
#[path = "tags/world.rs"]
mod world;

macro_rules! everywhere {
    ($memory:ident $redis:ident $valkey:ident $plain:ident: $rules:ident $setting:expr; $($rule:ident)*) => {
        mod $memory {
            $(#[tokio::test]
            async fn $rule() {
                super::$rules::$rule(super::world::World::memory($setting)).await;
            })*
        }
        mod $redis {
            $(#[tokio::test]
            async fn $rule() {
                if let Some(world) = super::world::World::on(super::server::Kind::Redis, $setting).await {
                    super::$rules::$rule(world).await;
                }
            })*
        }
        mod $valkey {
            $(#[tokio::test]
            async fn $rule() {
                if let Some(world) = super::world::World::on(super::server::Kind::Valkey, $setting).await {
                    super::$rules::$rule(world).await;
                }
            })*
        }
        mod $plain {
            $(#[tokio::test]
            async fn $rule() {
                super::$rules::$rule(super::world::World::plain($setting)).await;
            })*
        }
    };
}

everywhere! {
    on_memory on_redis on_valkey on_a_plain_backend: rules |cache| cache;
    a_value_is_stale_once_one_of_its_tags_is_invalidated
    a_tag_that_is_invalidated_during_a_load_leaves_nothing_old_behind
    a_process_that_never_saw_the_tag_serves_nothing_old
    a_deleted_generation_brings_no_old_value_back
    what_is_read_often_is_stale_too
    who_comes_after_an_invalidation_does_not_join_the_load_from_before
    who_joins_a_load_that_another_process_has_invalidated_gets_nothing_old
    who_reads_by_hand_finds_nothing_stale
    a_cached_not_there_has_tags
    a_value_that_was_set_by_hand_has_no_tags
    whatever_stands_under_a_generation_is_one
    tags_that_are_too_long_are_not_cached
    a_tag_of_another_prefix_is_another
    clearing_the_prefix_leaves_tags_that_work
}

everywhere! {
    all_on_memory all_on_redis all_on_valkey all_on_a_plain_backend: whole |cache| cache.prefix_generation(true);
    one_invalidation_makes_all_that_is_cached_stale
    an_invalidation_of_all_during_a_load_leaves_nothing_old_behind
    who_comes_after_an_invalidation_of_all_does_not_join_a_load_from_before
    a_process_that_has_read_nothing_invalidates_all_too
    a_generation_of_the_prefix_that_is_evicted_brings_nothing_old_back
    who_reads_by_hand_finds_nothing_that_was_invalidated_with_all
    what_was_set_by_hand_outlives_an_invalidation_of_all
    an_invalidation_of_all_is_of_one_prefix
    clearing_a_prefix_with_a_generation_leaves_it_working
    a_cached_not_there_is_stale_after_an_invalidation_of_all
}

/// The rules of tags hold as well where the whole prefix has a generation.
mod with_a_generation_of_the_prefix {
    everywhere! {
        on_memory on_redis on_valkey on_a_plain_backend: rules |cache| cache.prefix_generation(true);
        a_value_is_stale_once_one_of_its_tags_is_invalidated
        a_tag_that_is_invalidated_during_a_load_leaves_nothing_old_behind
        a_process_that_never_saw_the_tag_serves_nothing_old
        what_is_read_often_is_stale_too
        a_value_that_was_set_by_hand_has_no_tags
        tags_that_are_too_long_are_not_cached
    }

    use super::{rules, server, world};
}
