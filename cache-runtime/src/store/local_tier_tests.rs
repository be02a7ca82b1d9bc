//! The local tier's rules. What it costs and how well it keeps is measured in the tests at the end.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::local_tier::{Deadlines, Hit, LocalTier, Prepared, Sought, Tier};
use crate::key::identify_text;

/// Before the six digits of an id, as long as a UUID.
const LONG: &str = "user:550e8400-e29b-41d4-a716-446655";
const ALWAYS: Deadlines = Deadlines { fresh_until: u64::MAX, stale_until: u64::MAX };

fn put<V: Send + Sync + 'static>(tier: &Tier, namespace: u32, key: &str, value: V) {
    drop(tier.insert(Prepared::new(namespace, key, Some(Arc::new(value)), ALWAYS, 0, 8)));
}

/// What is found, and the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found<V> {
    Fresh(V),
    Stale(V),
}

fn get<V: Clone + 'static>(
    tier: &Tier,
    namespace: u32,
    key: &str,
    version: u32,
    now: u64,
) -> Option<Found<V>> {
    let sought = Sought { namespace, key: &identify_text(key, version), now_ms: now };
    if let Some(value) = tier.mirrored(&sought, |held| held.downcast_ref::<V>().cloned()) {
        return Some(Found::Fresh(value));
    }
    let mut value = None;
    let hit = tier.get(
        &sought,
        key,
        version,
        || false,
        |held| {
            value = held.and_then(|held| held.downcast_ref::<V>().cloned());
            value.is_some()
        },
    )?;
    value.map(if hit == Hit::Fresh { Found::Fresh } else { Found::Stale })
}

#[test]
fn what_is_lent_by_the_mirror_comes_back_to_a_place_that_nobody_else_has_taken() {
    let tier = LocalTier::new(100).build();
    let keys: Vec<String> = (0..40).map(|id| format!("key:{id}")).collect();
    for (key, id) in keys.iter().zip(0_u64..) {
        put(&tier, 1, key, id);
    }
    assert_eq!(get::<u64>(&tier, 1, &keys[0], 0, 0), Some(Found::Fresh(0)));
    let identity = identify_text(&keys[0], 0);
    let sought = Sought { namespace: 1, key: &identity, now_ms: 0 };
    let borrow = || tier.lent(&sought, |shared, place| Some((shared.take()?, place)));
    let (value, place) = borrow().expect("it is mirrored");
    assert!(borrow().is_none(), "it is lent");
    for _ in 0..10 {
        for (key, id) in keys.iter().zip(0_u64..) {
            assert_eq!(get::<u64>(&tier, 1, key, 0, 0), Some(Found::Fresh(id)));
        }
    }
    assert!(borrow().is_none(), "no other has come to its place");
    Tier::give_back(place, value);
    let (value, place) = borrow().expect("it is there again");
    assert_eq!(value.downcast_ref::<u64>(), Some(&0));
    // Changed while it is lent.
    put(&tier, 1, &keys[0], 100_u64);
    Tier::give_back(place, value);
    assert!(borrow().is_none());
    assert_eq!(get::<u64>(&tier, 1, &keys[0], 0, 0), Some(Found::Fresh(100)));
}

#[test]
fn a_value_is_found_under_its_namespace_and_key_only() {
    let tier = LocalTier::new(100).build();
    put(&tier, 1, "key", 7_u64);
    assert_eq!(get::<u64>(&tier, 1, "key", 0, 0), Some(Found::Fresh(7)));
    assert_eq!(get::<u64>(&tier, 2, "key", 0, 0), None);
    assert_eq!(get::<u64>(&tier, 1, "ke", 0, 0), None);
    put(&tier, 1, "key", 8_u64);
    assert_eq!((get::<u64>(&tier, 1, "key", 0, 0), tier.len()), (Some(Found::Fresh(8)), 1));
}

#[test]
fn another_type_or_version_under_the_key_is_a_miss() {
    let tier = LocalTier::new(100).build();
    put(&tier, 0, "key", 7_u64);
    assert_eq!(get::<u32>(&tier, 0, "key", 0, 0), None);
    assert_eq!(get::<u64>(&tier, 0, "key", 1, 0), None);
    put(&tier, 0, "key", 7_u32);
    assert_eq!(
        (get::<u64>(&tier, 0, "key", 0, 0), get::<u32>(&tier, 0, "key", 0, 0)),
        (None, Some(Found::Fresh(7)))
    );
    assert_eq!(tier.len(), 1);
}

#[test]
fn a_value_is_fresh_then_stale_then_gone() {
    let tier = LocalTier::new(100).build();
    let deadlines = Deadlines { fresh_until: 10, stale_until: 15 };
    drop(tier.insert(Prepared::new(0, "key", Some(Arc::new(7_u64)), deadlines, 0, 8)));
    let at = |now| get::<u64>(&tier, 0, "key", 0, now);
    assert_eq!(
        [at(9), at(10), at(14), at(15)],
        [Some(Found::Fresh(7)), Some(Found::Stale(7)), Some(Found::Stale(7)), None]
    );
    assert_eq!(at(u64::MAX), None);
}

#[test]
fn removing_takes_one_key_a_prefix_or_a_namespace() {
    let tier = LocalTier::new(100).build();
    let keys = [(0, "a:1"), (0, "a:2"), (0, "b:1"), (1, "a:1")];
    let left = || keys.map(|(namespace, key)| get::<u64>(&tier, namespace, key, 0, 0).is_some());
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
        assert_eq!((get::<u64>(&tier, 0, "key", 0, 0), tier.len()), (None, 0));
    }
}

#[test]
fn the_tier_stays_within_its_entries_or_its_bytes() {
    let by_entries = LocalTier::new(1_000).build();
    let by_weight = LocalTier::new(1_000).weight(1_000_000).build();
    for id in 0..10_000 {
        let key = id.to_string();
        for tier in [&by_entries, &by_weight] {
            drop(tier.insert(Prepared::new(0, &key, Some(Arc::new(id)), ALWAYS, 0, 4_000)));
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
    drop(tier.insert(Prepared::new(0, "key", Some(Arc::new(8_u64)), ALWAYS, 0, 20_000)));
    assert_eq!((get::<u64>(&tier, 0, "key", 0, 0), tier.len()), (None, 0));
}

/// As many keys again and again as hold five times as many as there is room for, put, read and removed in any order.
#[test]
fn a_full_tier_finds_the_last_value_or_nothing_and_counts_what_it_holds() {
    for (tier, most) in
        [(LocalTier::new(100).build(), 100), (LocalTier::new(100).weight(60_000).build(), 60_000)]
    {
        let by_weight = most > 1_000;
        let mut last = [None; 500];
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        for step in 0..100_000_usize {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let id = ((random >> 16) as usize % last.len()) >> (random % 3);
            let key = id.to_string();
            match (random >> 48) % 8 {
                0 => {
                    let held = last[id].take();
                    assert!(!tier.remove(0, &key) || held.is_some(), "step {step}");
                }
                1..4 => {
                    let weight = (random >> 32) as usize % 2_000;
                    drop(tier.insert(Prepared::new(0, &key, Some(Arc::new(step)), ALWAYS, 0, weight)));
                    last[id] = Some((step, weight + key.len() + 96));
                }
                _ => {
                    let held = get::<usize>(&tier, 0, &key, 0, 0);
                    let value = last[id].map(|(value, _)| Found::Fresh(value));
                    assert!(held.is_none() || held == value, "step {step}");
                }
            }
            if step % 997 == 0 {
                let held: Vec<usize> = (0..last.len())
                    .filter(|id| get::<usize>(&tier, 0, &id.to_string(), 0, 0).is_some())
                    .filter_map(|id| Some(last[id]?.1))
                    .collect();
                let weight = if by_weight { held.iter().sum() } else { held.len() };
                assert_eq!((tier.len(), tier.weight()), (held.len(), weight as u64), "step {step}");
                assert!(weight <= most, "step {step}");
            }
        }
    }
}

#[test]
fn what_is_used_again_outlives_a_scan() {
    let tier = LocalTier::new(1_000).build();
    let used: Vec<String> = (0..500).map(|id| format!("used:{id}")).collect();
    for _ in 0..2 {
        for key in &used {
            if get::<u64>(&tier, 0, key, 0, 0).is_none() {
                put(&tier, 0, key, 7_u64);
            }
        }
    }
    for id in 0..20_000 {
        put(&tier, 0, &format!("scan:{id}"), 7_u64);
    }
    let left = used.iter().filter(|key| get::<u64>(&tier, 0, key, 0, 0).is_some()).count();
    assert_eq!(left, used.len());
}

#[test]
fn what_comes_back_soon_after_it_left_stays_longer() {
    let tier = LocalTier::new(1_000).build();
    let mut ids = 0..;
    let mut scan = |count| {
        for id in ids.by_ref().take(count) {
            put(&tier, 0, &format!("scan:{id}"), 7_u64);
        }
    };
    let keys: Vec<String> = (0..40).map(|id| format!("key:{id}")).collect();
    let put_all = || keys.iter().for_each(|key| put(&tier, 0, key, 7_u64));
    let held = || keys.iter().filter(|key| get::<u64>(&tier, 0, key, 0, 0).is_some()).count();
    scan(2_000);
    put_all();
    scan(500);
    assert_eq!(held(), 0);
    put_all();
    scan(500);
    // One in a hundred is forgotten, where many left by the same place of memory.
    assert!(held() > keys.len() / 2, "{}", held());
}

#[test]
fn what_was_removed_leaves_its_memory_to_others() {
    let tier = LocalTier::new(10_000).build();
    let round = |rounds: std::ops::Range<u32>| {
        for id in rounds {
            put(&tier, 0, &format!("key:{id}"), 7_u64);
            assert!(tier.remove(0, &format!("key:{id}")));
        }
    };
    round(0..10_000);
    let kept = allocation_counter::measure(|| round(10_000..100_000));
    assert_eq!((kept.bytes_current, tier.len()), (0, 0));
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

#[test]
fn a_hit_allocates_nothing_once_its_thread_has_a_mirror() {
    let tier = LocalTier::new(100).build();
    put(&tier, 0, "project:7", Arc::new(7_u64));
    for _ in 0..10 {
        assert!(get::<Arc<u64>>(&tier, 0, "project:7", 0, 0).is_some());
    }
    let allocated = allocation_counter::measure(|| {
        for _ in 0..100 {
            assert!(get::<Arc<u64>>(&tier, 0, "project:7", 0, 0).is_some());
        }
    });
    assert_eq!(allocated.count_total, 0);
}

/// Two tiers, few keys, and of the mirror even fewer places: as many chances as there can be to mix them up.
#[test]
fn a_mirror_shows_what_its_tier_holds_and_nothing_else() {
    let tiers = [LocalTier::new(1_000).build(), LocalTier::new(1_000).build()];
    let keys = ["a:1", "a:2", "a:3", "b:1", "b:2", "b:3", "c:1", "c:2"];
    let mut model = std::collections::HashMap::new();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for step in 0..200_000_u64 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let (at, namespace) = (usize::from(random & 0x100 > 0), u32::from(random & 0x1_0000 > 0));
        let (key, action) = (keys[(random >> 24) as usize % keys.len()], (random >> 40) % 64);
        match action {
            0 => {
                put(&tiers[at], namespace, key, step);
                model.insert((at, namespace, key), step);
            }
            1 => {
                tiers[at].remove(namespace, key);
                model.remove(&(at, namespace, key));
            }
            2 => {
                tiers[at].remove_matching(namespace, &key[..2]);
                model.retain(|(tier, of, name), _| (*tier, *of) != (at, namespace) || name[..2] != key[..2]);
            }
            _ => {
                let held = get::<u64>(&tiers[at], namespace, key, 0, 0);
                assert_eq!(held, model.get(&(at, namespace, key)).copied().map(Found::Fresh), "step {step}");
            }
        }
    }
}

#[test]
fn a_thread_that_has_read_a_value_sees_that_another_removed_it() {
    let tier = LocalTier::new(100).build();
    for round in 0..1_000_u64 {
        put(&tier, 0, "key", round);
        assert_eq!(get::<u64>(&tier, 0, "key", 0, 0), Some(Found::Fresh(round)));
        std::thread::scope(|scope| scope.spawn(|| tier.remove(0, "key")).join()).expect("it does not panic");
        assert_eq!(get::<u64>(&tier, 0, "key", 0, 0), None);
    }
}

#[test]
fn an_evicted_value_is_gone_from_the_mirror_too() {
    let tier = LocalTier::new(1).build();
    put(&tier, 0, "key", 1_u64);
    for _ in 0..10 {
        assert_eq!(get::<u64>(&tier, 0, "key", 0, 0), Some(Found::Fresh(1)));
    }
    let others = ["other", "and", "another"];
    for other in others {
        put(&tier, 0, other, 2_u64);
    }
    let held = others.iter().filter(|other| get::<u64>(&tier, 0, other, 0, 0).is_some()).count();
    assert_eq!(held + usize::from(get::<u64>(&tier, 0, "key", 0, 0).is_some()), tier.len());
}

#[test]
fn an_entry_takes_at_most_100_bytes_beside_its_value_and_its_key() {
    // With the two counters of the `Arc` that its readers share.
    const VALUE: usize = 200 + 16;
    for (prefix, entries) in [("project:", 30_000_u32), ("project:", 100_000), (LONG, 30_000)] {
        let mut tier = None;
        let allocated = allocation_counter::measure(|| {
            let full = LocalTier::new(entries as usize).build();
            // More than it holds, so that it remembers as many that were evicted as it does at most.
            for id in 0..3 * entries {
                put(&full, 0, &format!("{prefix}{id:06}"), [0_u8; 200]);
            }
            tier = Some(full);
        });
        let held = tier.as_ref().map_or(0, Tier::len);
        let bytes = usize::try_from(allocated.bytes_current).expect("it holds something");
        let key = prefix.len() + 6;
        let overhead = bytes / held - VALUE - key;
        println!("{held} entries with keys of {key} bytes: {overhead} bytes each beside value and key");
        // A long key is in an allocation of its own, with its length and its address.
        assert!(overhead <= if prefix == LONG { 116 } else { 100 }, "{overhead}");
    }
}

/// `cargo test --release -p cache-runtime --lib hit_ratio -- --ignored --nocapture`
#[test]
#[ignore = "takes seconds, with --release"]
fn the_hit_ratio_at_one_percent_capacity_is_at_least_half() {
    const KEYS: u32 = 1_000_000;
    const READS: u32 = 10_000_000;
    let mut sum = 0.0;
    let cumulated: Vec<f64> = (1..=KEYS)
        .map(|rank| {
            sum += f64::from(rank).powf(-0.9);
            sum
        })
        .collect();
    let tier = LocalTier::new(KEYS as usize / 100).build();
    let (mut random, mut hits) = (0x9E37_79B9_7F4A_7C15_u64, 0_u32);
    let mut key = String::new();
    for read in 0..2 * READS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let at = f64::from((random >> 32) as u32) / f64::from(u32::MAX) * sum;
        key.clear();
        write!(key, "project:{}", cumulated.partition_point(|below| *below < at)).expect("it is a string");
        if get::<u64>(&tier, 0, &key, 0, 0).is_some() {
            // The first half fills it.
            hits += u32::from(read >= READS);
        } else {
            put(&tier, 0, &key, 7_u64);
        }
    }
    let ratio = f64::from(hits) / f64::from(READS);
    println!("hit ratio {:.2} %", ratio * 100.0);
    assert!(ratio >= 0.5);
}
