//! The readers of a batch: each who stays is answered, and what those who leave do not hear is taken back, once.

#[path = "../../cache-runtime/src/backend/redis/readers.rs"]
mod sources;

/// In the place of the runtime's.
mod sync {
    pub(super) use crate::store::sync::{Mutex, MutexGuard, lock};
}

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use shuttle::future::block_on;
use shuttle::sync::Arc;
use shuttle::thread;

use crate::race;
use sources::Readers;

fn polled(readers: &Readers<usize>, place: usize, context: &Context<'_>) -> Poll<usize> {
    readers.poll(place, context).map_or(Poll::Pending, Poll::Ready)
}

/// Waits for the answer in a thread of its own.
fn waits(readers: &Arc<Readers<usize>>, place: usize) -> thread::JoinHandle<usize> {
    let readers = Arc::clone(readers);
    thread::spawn(move || block_on(poll_fn(|context| polled(&readers, place, context))))
}

#[test]
fn each_reader_is_woken_with_its_own_answer() {
    race(|| {
        let readers = Arc::new(Readers::with_capacity(0));
        // Whoever asked has another waker than who awaits.
        let places = [(); 3].map(|()| readers.add(Waker::noop().clone()));
        let waiting = places.map(|place| waits(&readers, place));
        assert!(readers.answer(places.map(|place| Some(place + 10))).is_empty());
        assert_eq!(waiting.map(|waiting| waiting.join().unwrap()), [10, 11, 12]);
    });
}

#[test]
fn an_answer_is_heard_or_taken_back_and_never_both() {
    race(|| {
        let readers = Arc::new(Readers::with_capacity(0));
        let places = [(); 2].map(|()| readers.add(Waker::noop().clone()));
        let leaves = Arc::clone(&readers);
        let leaves = thread::spawn(move || {
            let context = Context::from_waker(Waker::noop());
            let is_heard = leaves.poll(places[0], &context).is_ok();
            usize::from(is_heard || leaves.leave(places[0]).is_some())
        });
        let stays = waits(&readers, places[1]);
        let left = readers.answer(places.map(Some));
        assert!(left.iter().all(|(place, _)| *place == places[0]));
        assert_eq!(leaves.join().unwrap() + left.len(), 1);
        assert_eq!(stays.join().unwrap(), places[1]);
    });
}

#[test]
fn a_batch_that_is_stopped_tells_those_who_wait() {
    race(|| {
        let readers = Arc::new(Readers::with_capacity(0));
        let places = [(); 2].map(|()| readers.add(Waker::noop().clone()));
        let waiting = places.map(|place| waits(&readers, place));
        let stops = Arc::clone(&readers);
        let stops = thread::spawn(move || stops.stop(|| 99));
        // One of them may have been answered before.
        assert!(readers.answer([Some(0), None]).len() <= 1);
        let [first, second] = waiting.map(|waiting| waiting.join().unwrap());
        assert!([0, 99].contains(&first) && second == 99);
        stops.join().unwrap();
    });
}

/// The alarm wakes all who wait, and takes no answer from anybody.
#[test]
fn an_alarm_wakes_those_who_wait_and_harms_no_answer() {
    race(|| {
        let readers = Arc::new(Readers::with_capacity(2));
        let places = [(); 2].map(|()| readers.add(Waker::noop().clone()));
        let gives_up = Arc::clone(&readers);
        // One goes away when it hears the alarm, or has its answer before.
        let gives_up = thread::spawn(move || {
            block_on(poll_fn(|context| match gives_up.poll(places[0], context) {
                Ok(answer) => Poll::Ready(Some(answer)),
                Err(true) => Poll::Ready(gives_up.leave(places[0])),
                Err(false) => Poll::Pending,
            }))
        });
        let stays = waits(&readers, places[1]);
        let rings = Arc::clone(&readers);
        let rings = thread::spawn(move || rings.ring());
        rings.join().unwrap();
        let heard = gives_up.join().unwrap();
        assert_eq!(heard, None);
        assert_eq!(readers.answer(places.map(Some)), [(places[0], places[0])]);
        assert_eq!(stays.join().unwrap(), places[1]);
    });
}
