//! The contract of a [`Backend`](crate::Backend): one small function for each guarantee, for testing a backend of
//! your own.
//!
//! [`backend_contract!`](crate::backend_contract) makes a test of each:
//!
//! ```
//! use cache_runtime::LocalKvNamespace;
//! use cache_runtime::contract::{Subject, Time};
//! use cache_runtime::testing::ManualClock;
//!
//! mod memory {
//!     use super::*;
//!
//!     async fn subject() -> Subject {
//!         let time = ManualClock::new();
//!         let backend = LocalKvNamespace::builder().clock(time.clock()).build();
//!         Subject::new(backend, Time::Manual(time))
//!     }
//!
//!     cache_runtime::backend_contract!(subject);
//! }
//! # fn main() {}
//! ```
//!
//! The tests need `tokio` with the features `macros` and `rt-multi-thread`. A guarantee that rests on a
//! capability which the backend does not claim prints `skipped: …` and passes. Keys of one test start with a
//! prefix that no other test and no other run has, so a server that is shared will do; a server that is only
//! eventually consistent will not, since the functions read what they wrote at once.
#![cfg(not(target_family = "wasm"))]
#![expect(clippy::missing_panics_doc, reason = "each function panics where its guarantee does not hold")]

pub mod barriers;
pub mod bulk;
pub mod concurrency;
pub mod counters;
pub mod leases;
pub mod listing;
pub mod quotas;
mod subject;
pub mod subscription;
pub mod ttl;
pub mod values;

pub use subject::{Subject, Time};

use std::fmt::Debug;

/// Fails in the name of the guarantee unless the two are equal.
#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "the callers have no more use for what they compare")]
fn same<T: PartialEq<U> + Debug, U: Debug>(guarantee: &str, found: T, expected: U) {
    assert!(found == expected, "not guaranteed: {guarantee}\n   found: {found:?}\nexpected: {expected:?}");
}

/// Fails in the name of the guarantee unless it holds.
#[track_caller]
fn holds(guarantee: &str, condition: bool) {
    assert!(condition, "not guaranteed: {guarantee}");
}

/// Tests a backend: makes one test of each guarantee of the [contract](crate::contract).
///
/// Takes the name of an `async fn() -> Subject` that stands in the same module; the module should hold nothing
/// else, since the tests are grouped in modules within it.
#[macro_export]
macro_rules! backend_contract {
    ($subject:ident) => {
        $crate::backend_contract! { @tests $subject
            values {
                a_missing_key_is_no_error
                a_value_is_read_back_as_it_was_put
                an_empty_value_is_a_value
                a_large_value_is_read_back_whole
                keys_are_told_apart_by_every_byte
                a_key_may_have_512_bytes
                metadata_is_read_back_as_it_was_put
                a_put_replaces_value_ttl_and_metadata_together
                a_deleted_key_is_gone
                a_deleted_key_can_be_put_again
                compare_and_set_stores_over_the_expected_value
                compare_and_set_leaves_another_value
                compare_and_set_creates_only_what_is_missing
                compare_and_set_replaces_ttl_and_metadata
                the_engine_says_that_it_serves
            }
            ttl {
                a_value_is_there_until_its_time_is_over
                a_value_without_ttl_stays
                the_time_left_is_told_and_shrinks
                a_put_without_ttl_takes_the_old_end_away
                touch_gives_a_new_ttl
                touch_without_ttl_takes_the_end_away
                touch_keeps_value_and_metadata
                touch_finds_no_missing_and_no_expired_key
                an_expired_key_is_not_listed
                an_expired_key_is_not_among_many
                an_expired_key_is_missing_to_compare_and_set
                the_longest_ttl_does_not_overflow
            }
            counters {
                a_counter_starts_at_zero_and_is_decimal_text
                a_counter_goes_up_and_down
                a_number_that_was_put_can_be_counted
                a_counter_keeps_its_ttl
                a_counter_without_ttl_gets_none
                a_new_counter_takes_the_ttl
                a_counter_keeps_its_metadata
                an_expired_counter_starts_again
                what_is_no_number_is_an_error_and_stays
                an_overflow_is_an_error_and_stays
            }
            quotas {
                a_quota_admits_its_limit_and_no_more
                a_window_that_is_over_begins_again
                a_smooth_quota_comes_back_one_by_one
                what_is_not_admitted_takes_nothing
                what_takes_nothing_stores_nothing
                a_quota_in_use_has_an_end
                quotas_are_told_apart_by_their_keys
            }
            listing {
                a_listing_holds_the_keys_of_its_prefix_and_no_others
                a_prefix_is_meant_literally
                keys_are_listed_in_the_order_of_their_bytes
                a_listing_goes_on_beyond_a_thousand_keys
                a_page_holds_no_more_than_its_limit
                a_key_deleted_between_pages_hides_no_other
                a_key_added_between_pages_hides_no_other
                a_listing_without_keys_is_complete
                a_deleted_key_is_not_listed
                what_a_listing_tells_of_a_key_is_true
            }
            bulk {
                get_many_answers_in_the_order_of_the_keys
                put_many_stores_each_with_its_options
                delete_many_removes_all_and_counts_them
                nothing_at_all_is_a_valid_bulk
                delete_prefix_removes_every_key_however_many
                delete_prefix_leaves_every_other_key
            }
            leases {
                a_miss_gives_the_lease_to_one_reader
                a_hit_gives_the_value_and_no_lease
                a_fill_under_its_lease_is_stored_with_its_options
                a_lease_is_good_for_one_fill
                a_made_up_lease_fills_nothing
                a_put_destroys_the_lease
                a_delete_destroys_the_lease
                delete_many_destroys_the_leases
                delete_prefix_destroys_the_leases
                an_increment_destroys_the_lease
                a_compare_and_set_destroys_the_lease
                a_lease_given_back_can_be_taken_again
                an_old_lease_gives_nothing_back
                an_abandoned_lease_ends_and_fills_nothing
                lease_over_takes_the_place_of_the_value_that_was_seen
                lease_over_leaves_a_value_that_was_written_since
                a_refresh_lease_leaves_the_value_until_its_fill
                one_reader_at_a_time_gets_the_refresh_lease
                a_change_destroys_the_refresh_lease
                an_abandoned_refresh_lease_ends
                a_lease_is_no_value
                read_many_answers_in_the_order_of_the_keys
                read_many_gives_a_lease_to_one_reader
                a_look_finds_the_value_and_takes_no_lease
                look_many_answers_in_the_order_of_the_keys
                what_was_absent_is_leased_or_found
            }
            barriers {
                a_barrier_hides_the_value_and_bars_readers
                a_barrier_destroys_the_lease
                a_fill_without_a_lease_does_not_pass_a_barrier
                a_finished_write_lets_a_reader_lease_again
                a_barrier_stands_until_the_last_writer_is_done
                a_barrier_covers_each_of_its_keys
                the_update_of_a_lone_writer_is_stored
                the_update_of_a_contended_writer_is_not_stored
                the_barrier_of_a_dead_writer_ends_by_itself
                a_renewed_barrier_stands_on
                a_barrier_that_is_over_is_not_renewed
                the_end_of_one_writer_is_not_the_end_of_another
                a_late_writer_stores_nothing_and_removes_what_was_filled
                nothing_is_stored_under_a_barrier
                an_update_after_another_change_is_not_stored
                a_delete_leaves_the_barrier
                a_barrier_is_no_value
            }
            subscription {
                every_change_is_told
                a_removed_prefix_is_told
                a_failed_change_is_not_told
                a_fill_and_an_expiry_are_not_told
                a_dropped_listener_is_let_go
            }
            concurrency {
                counters_lose_no_step
                compare_and_set_has_one_winner
                a_quota_admits_no_more_than_its_limit_to_many
                one_of_many_readers_gets_the_lease
                a_reader_sees_a_put_whole
                a_dropped_operation_is_whole_or_nothing
                nothing_older_than_a_finished_write_is_read
            }
        }
    };
    (@tests $subject:ident $($group:ident { $($guarantee:ident)* })*) => {
        $(mod $group {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $guarantee() {
                    let subject = super::$subject().await;
                    $crate::contract::$group::$guarantee(&subject).await;
                    subject.clean_up().await;
                }
            )*
        })*
    };
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_guarantee_is_in_the_list_of_tests() {
        let groups = [
            include_str!("barriers.rs"),
            include_str!("bulk.rs"),
            include_str!("concurrency.rs"),
            include_str!("counters.rs"),
            include_str!("leases.rs"),
            include_str!("listing.rs"),
            include_str!("quotas.rs"),
            include_str!("subscription.rs"),
            include_str!("ttl.rs"),
            include_str!("values.rs"),
        ];
        let list: Vec<&str> = include_str!("mod.rs").lines().map(str::trim).collect();
        for line in groups.iter().flat_map(|group| group.lines()) {
            if let Some((name, _)) = line.strip_prefix("pub async fn ").and_then(|rest| rest.split_once('('))
            {
                assert!(list.contains(&name), "`{name}` is not in the list of `backend_contract!`");
            }
        }
    }
}
