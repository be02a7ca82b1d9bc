//! Turns to send: what is put down is always sent, though nobody waits for a turn.

#[path = "../../cache-runtime/src/backend/redis/turns.rs"]
mod sources;

/// In the place of the runtime's.
mod sync {
    pub(super) use crate::store::sync::AtomicU64;
}

use shuttle::sync::{Arc, Mutex};
use shuttle::thread;

use crate::{caught_by, race};
use sources::Turns;

const LEFT: &str = "something was left behind";

/// How a turn ends.
type End = fn(&Turns, &Places) -> bool;

/// Where what is to be sent is put down; who puts down goes by its own.
struct Places([Mutex<Vec<usize>>; 2]);

impl Places {
    fn is_empty(&self) -> bool {
        self.0.iter().all(|place| place.lock().unwrap().is_empty())
    }

    fn take(&self) -> Vec<usize> {
        self.0.iter().flat_map(|place| std::mem::take(&mut *place.lock().unwrap())).collect()
    }
}

/// Three who put something down, of whom as many send as get a turn.
fn put_down(most: u64, end: End) {
    let all = Arc::new((Turns::new(most), Places(Default::default()), Mutex::new(Vec::new())));
    let threads = [0, 1, 2].map(|number| {
        let all = Arc::clone(&all);
        thread::spawn(move || {
            let (turns, places, sent) = &*all;
            let mut place = places.0[number % 2].lock().unwrap();
            let is_alone = place.is_empty() && turns.begin_alone();
            place.push(number);
            drop(place);
            if !is_alone && !turns.begin() {
                return;
            }
            loop {
                let some = places.take();
                let is_over = some.is_empty() && !end(turns, places);
                sent.lock().unwrap().extend(some);
                if is_over {
                    return;
                }
            }
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
    let (turns, places, sent) = &*all;
    let mut sent = std::mem::take(&mut *sent.lock().unwrap());
    sent.sort_unstable();
    assert!(places.is_empty() && sent == [0, 1, 2], "{LEFT}: {sent:?} were sent");
    // All turns are back.
    assert!(turns.begin_alone());
}

const LOOKS_AGAIN: End = |turns, places| turns.end(|| !places.is_empty());

#[test]
fn what_is_put_down_is_sent_by_one_turn() {
    race(|| put_down(1, LOOKS_AGAIN));
}

#[test]
fn what_is_put_down_is_sent_by_two_turns() {
    race(|| put_down(2, LOOKS_AGAIN));
}

/// The control: who gives back a turn without another look leaves something behind.
#[test]
fn a_turn_that_is_given_back_blindly_is_caught() {
    const BLIND: End = |turns, _| turns.end(|| false);
    println!("caught after {} schedules", caught_by(LEFT, || put_down(1, BLIND)));
}
