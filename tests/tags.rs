//! Tags: what carries one is stale once it is invalidated, in every process, whatever is under way.
//!
//! The rules hold on memory, on Redis (where `redis-server` is installed; else a line says `skipped`), and on a
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
#[path = "tags/world.rs"]
mod world;

macro_rules! everywhere {
    ($($rule:ident)*) => {
        mod on_memory {
            $(#[tokio::test]
            async fn $rule() {
                super::rules::$rule(super::world::World::memory()).await;
            })*
        }
        mod on_redis {
            $(#[tokio::test]
            async fn $rule() {
                if let Some(world) = super::world::World::redis().await {
                    super::rules::$rule(world).await;
                }
            })*
        }
        mod on_a_plain_backend {
            $(#[tokio::test]
            async fn $rule() {
                super::rules::$rule(super::world::World::plain()).await;
            })*
        }
    };
}

everywhere! {
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
