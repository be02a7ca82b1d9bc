//! The local tier's rules. What it costs and how well it keeps is measured in the tests at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::local_tier::{Deadlines, Hit, LocalTier, Prepared, Tier};

const ALWAYS: Deadlines = Deadlines { fresh_until: u64::MAX, stale_until: u64::MAX };

fn put<V: Send + Sync + 'static>(tier: &Tier, namespace: u32, key: &str, value: V) {
    drop(tier.insert(Prepared::new(namespace, key, value, ALWAYS, 0, 8)));
}

#[test]
fn a_value_is_found_under_its_namespace_and_key_only() {
    let tier = LocalTier::new(100).build();
    put(&tier, 1, "key", 7_u64);
    assert_eq!(tier.get::<u64>(1, "key", 0, 0), Some(Hit::Fresh(7)));
    assert_eq!(tier.get::<u64>(2, "key", 0, 0), None);
    assert_eq!(tier.get::<u64>(1, "ke", 0, 0), None);
    put(&tier, 1, "key", 8_u64);
    assert_eq!((tier.get::<u64>(1, "key", 0, 0), tier.len()), (Some(Hit::Fresh(8)), 1));
}

#[test]
fn another_type_or_version_under_the_key_is_a_miss() {
    let tier = LocalTier::new(100).build();
    put(&tier, 0, "key", 7_u64);
    assert_eq!(tier.get::<u32>(0, "key", 0, 0), None);
    assert_eq!(tier.get::<u64>(0, "key", 1, 0), None);
    put(&tier, 0, "key", 7_u32);
    assert_eq!(
        (tier.get::<u64>(0, "key", 0, 0), tier.get::<u32>(0, "key", 0, 0)),
        (None, Some(Hit::Fresh(7)))
    );
    assert_eq!(tier.len(), 1);
}

#[test]
fn a_value_is_fresh_then_stale_then_gone() {
    let tier = LocalTier::new(100).build();
    let deadlines = Deadlines { fresh_until: 10, stale_until: 15 };
    drop(tier.insert(Prepared::new(0, "key", 7_u64, deadlines, 0, 8)));
    let at = |now| tier.get::<u64>(0, "key", 0, now);
    assert_eq!(
        [at(9), at(10), at(14), at(15)],
        [Some(Hit::Fresh(7)), Some(Hit::Stale(7)), Some(Hit::Stale(7)), None]
    );
    assert_eq!(at(u64::MAX), None);
}

#[test]
fn removing_takes_one_key_a_prefix_or_a_namespace() {
    let tier = LocalTier::new(100).build();
    let keys = [(0, "a:1"), (0, "a:2"), (0, "b:1"), (1, "a:1")];
    let left = || keys.map(|(namespace, key)| tier.get::<u64>(namespace, key, 0, 0).is_some());
    for (namespace, key) in keys {
        put(&tier, namespace, key, 7_u64);
    }
    assert!(tier.remove(0, "a:1") && !tier.remove(0, "a:1"));
    assert_eq!(left(), [false, true, true, true]);
    tier.remove_matching(0, "a:");
    assert_eq!(left(), [false, false, true, true]);
    tier.remove_matching(0, "");
    assert_eq!(left(), [false, false, false, true]);
}

#[test]
fn a_tier_of_no_capacity_holds_nothing() {
    for tier in [LocalTier::new(0).build(), LocalTier::new(100).weight(0).build()] {
        put(&tier, 0, "key", 7_u64);
        assert_eq!((tier.get::<u64>(0, "key", 0, 0), tier.len()), (None, 0));
    }
}

#[test]
fn the_tier_stays_within_its_entries_or_its_bytes() {
    let by_entries = LocalTier::new(1_000).build();
    let by_weight = LocalTier::new(1_000).weight(1_000_000).build();
    for id in 0..10_000 {
        let key = id.to_string();
        for tier in [&by_entries, &by_weight] {
            drop(tier.insert(Prepared::new(0, &key, id, ALWAYS, 0, 4_000)));
        }
    }
    assert!((900..=1_000).contains(&by_entries.len()), "{}", by_entries.len());
    assert!((180..=250).contains(&by_weight.len()), "{}", by_weight.len());
    assert!(by_weight.weight() <= 1_000_000);
}

#[test]
fn a_value_too_heavy_for_the_tier_takes_the_older_one_with_it() {
    let tier = LocalTier::new(0).weight(10_000).build();
    put(&tier, 0, "key", 7_u64);
    drop(tier.insert(Prepared::new(0, "key", 8_u64, ALWAYS, 0, 20_000)));
    assert_eq!((tier.get::<u64>(0, "key", 0, 0), tier.len()), (None, 0));
}

#[test]
fn values_are_dropped_outside_of_the_tier_s_locks() {
    #[derive(Clone)]
    struct Nosy(Arc<(Tier, AtomicUsize)>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            // Locks every shard: with one of them held this would not return.
            self.0.0.remove_matching(0, "none");
            self.0.1.fetch_add(1, Ordering::Relaxed);
        }
    }
    let shared = Arc::new((LocalTier::new(64).build(), AtomicUsize::new(0)));
    let mut inserted = 0;
    for round in 0..200 {
        for key in [round.to_string(), "same".to_owned()] {
            put(&shared.0, 0, &key, Nosy(Arc::clone(&shared)));
            inserted += 1;
        }
    }
    shared.0.remove_matching(0, "");
    assert_eq!(shared.1.load(Ordering::Relaxed), inserted);
}
