//! Batches, in the shape of the runtime's: wait for the loads in flight, holding no lead; then lead the others.

use shuttle::future::block_on;
use shuttle::sync::Arc;

use crate::race;
use crate::store::flight::{Entered, Leader, WaitLimits, Waited, Waiter};
use crate::world::{LIMIT, Load, World, join};

/// Time stands still here: whoever waits for one who waits for it hangs, and shuttle tells.
const LIMITS: WaitLimits = WaitLimits { outside: LIMIT, inside: LIMIT };

enum Part {
    Open,
    Leads(Leader<u64>),
    Aside,
    Done,
}

/// Leads, unless the load has ended before.
fn lead(world: &World, key: &str, leader: Leader<u64>) -> Part {
    match world.hit(key) {
        Some(value) => {
            leader.finish(&value);
            Part::Done
        }
        None => Part::Leads(leader),
    }
}

/// Whom to wait for: those in flight, else those who have come while this wanted to lead all.
fn to_wait_for(world: &World, parts: &mut [(&str, Part)]) -> Vec<(usize, Waiter<u64>)> {
    let open = parts.iter().enumerate().filter(|(_, (_, part))| matches!(part, Part::Open));
    let waits: Vec<_> =
        open.filter_map(|(n, (key, _))| Some((n, world.flights.join(0, key, None)?))).collect();
    if !waits.is_empty() {
        return waits;
    }
    for n in 0..parts.len() {
        if !matches!(parts[n].1, Part::Open) {
            continue;
        }
        match world.flights.enter(0, parts[n].0, None) {
            Entered::Lead(leader) => parts[n].1 = lead(world, parts[n].0, leader),
            Entered::Wait(waiter) => {
                let led = parts.iter_mut().filter(|(_, part)| matches!(part, Part::Leads(_)));
                led.for_each(|(_, part)| *part = Part::Open);
                return vec![(n, waiter)];
            }
        }
    }
    Vec::new()
}

/// Loads the keys, each as 1. Returns how many bodies ran.
async fn batch(world: &World, keys: &[&'static str]) -> usize {
    let mut parts: Vec<(&str, Part)> = keys.iter().map(|key| (*key, Part::Open)).collect();
    parts.sort_unstable_by_key(|(key, _)| *key);
    'rounds: for _ in 0..8 {
        let waits = to_wait_for(world, &mut parts);
        if waits.is_empty() {
            break;
        }
        for (n, waiter) in waits {
            match waiter.wait(LIMITS, &world.clock).await {
                Waited::Value(_) => parts[n].1 = Part::Done,
                Waited::Lead(leader) | Waited::LoadYourself(leader) => {
                    parts[n].1 = lead(world, parts[n].0, leader);
                    if matches!(parts[n].1, Part::Leads(_)) {
                        break 'rounds;
                    }
                }
                Waited::Failed(_) | Waited::TimedOut => parts[n].1 = Part::Aside,
            }
        }
    }
    for (key, part) in parts.iter_mut().filter(|(_, part)| matches!(part, Part::Open)) {
        *part = match world.flights.enter(0, key, None) {
            Entered::Lead(leader) => lead(world, key, leader),
            Entered::Wait(_) => world.hit(key).map_or(Part::Aside, |_| Part::Done),
        };
    }
    if parts.iter().all(|(_, part)| matches!(part, Part::Done)) {
        return 0;
    }
    shuttle::future::yield_now().await;
    for (key, part) in &parts {
        if let Part::Leads(leader) = part {
            world.promote(leader, key, 1);
        }
    }
    for (_, part) in parts {
        if let Part::Leads(leader) = part {
            leader.finish(&1);
        }
    }
    1
}

fn batches<const N: usize>(world: &Arc<World>, keys: [&'static [&'static str]; N]) -> usize {
    join(keys.map(|keys| world.start(move |world| block_on(batch(world, keys))))).into_iter().sum()
}

#[test]
fn crossed_batches_do_not_wait_for_each_other() {
    race(|| {
        let world = World::new();
        batches(&world, [&["a", "b"], &["b", "c"], &["c", "a"]]);
        world.assert_settled();
    });
}

#[test]
fn equal_batches_run_one_body() {
    race(|| {
        let world = World::new();
        assert_eq!(batches(&world, [&["a", "b"], &["b", "a"], &["a", "b"]]), 1);
        world.assert_settled();
    });
}

#[test]
fn a_batch_that_is_dropped_hands_on_what_it_leads() {
    race(|| {
        let world = World::new();
        let dropped = world.start(|world| {
            let Entered::Lead(a) = world.flights.enter::<u64>(0, "a", None) else { return };
            let b = world.flights.enter::<u64>(0, "b", None);
            shuttle::thread::yield_now();
            drop((a, b));
        });
        batches(&world, [&["a", "b"], &["b", "a"]]);
        dropped.join().unwrap();
        world.assert_settled();
    });
}

#[test]
fn a_batch_beside_calls_of_one_of_its_keys_ends() {
    race(|| {
        let world = World::unsealed();
        let single = world.reader(Load::Works);
        batches(&world, [&["key", "b"]]);
        assert_eq!(single.join().unwrap(), Ok(1));
        world.assert_settled();
    });
}
