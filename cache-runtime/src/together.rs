//! Several futures in one task. `futures-util` has that, too, but its build takes longer than most of the other
//! dependencies'.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Awaits both.
pub(crate) async fn join<A: Future, B: Future>(one: A, other: B) -> (A::Output, B::Output) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    poll_fn(move |context| {
        poll_once(&mut first, one.as_mut(), context);
        poll_once(&mut second, other.as_mut(), context);
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            waiting => {
                (first, second) = waiting;
                Poll::Pending
            }
        }
    })
    .await
}

fn poll_once<F: Future>(output: &mut Option<F::Output>, future: Pin<&mut F>, context: &mut Context<'_>) {
    if output.is_none()
        && let Poll::Ready(ready) = future.poll(context)
    {
        *output = Some(ready);
    }
}

/// Awaits all, of which there are few: each wake polls all that are not done. The outputs have the order of the futures.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut all: Vec<_> = futures.into_iter().map(|future| (Some(Box::pin(future)), None)).collect();
    poll_fn(|context| {
        let mut polled = Poll::Ready(());
        for (running, output) in &mut all {
            if let Some(future) = running {
                match future.as_mut().poll(context) {
                    Poll::Ready(ready) => (*running, *output) = (None, Some(ready)),
                    Poll::Pending => polled = Poll::Pending,
                }
            }
        }
        polled
    })
    .await;
    all.into_iter().filter_map(|(_, output)| output).collect()
}

/// Awaits all, at most so many at a time.
pub(crate) async fn run_all(futures: impl IntoIterator<Item = impl Future<Output = ()>>, at_once: usize) {
    let mut waiting = futures.into_iter();
    let mut running: Together<_> = waiting.by_ref().take(at_once).collect();
    while running.next().await.is_some() {
        running.extend(waiting.next());
    }
}

/// Many futures, each of which is polled only when it was woken.
pub(crate) struct Together<F> {
    members: Vec<Option<(Pin<Box<F>>, Waker)>>,
    running: usize,
    /// Whom to poll.
    due: VecDeque<usize>,
    woken: Arc<Mutex<Woken>>,
}

struct Woken {
    places: VecDeque<usize>,
    task: Waker,
}

fn lock(woken: &Mutex<Woken>) -> MutexGuard<'_, Woken> {
    woken.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Member {
    place: usize,
    woken: Arc<Mutex<Woken>>,
}

impl Wake for Member {
    fn wake(self: Arc<Self>) {
        let task = {
            let mut woken = lock(&self.woken);
            woken.places.push_back(self.place);
            woken.task.clone()
        };
        task.wake();
    }
}

impl<F: Future> Together<F> {
    /// The next output, and how many futures were there before its own; `None` after the last.
    pub(crate) async fn next(&mut self) -> Option<(usize, F::Output)> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The same, if there is one now.
    pub(crate) fn next_ready(&mut self) -> Option<(usize, F::Output)> {
        match self.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(next) => next,
            Poll::Pending => None,
        }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<(usize, F::Output)>> {
        if self.running == 0 {
            return Poll::Ready(None);
        }
        {
            let mut woken = lock(&self.woken);
            woken.task.clone_from(context.waker());
            self.due.append(&mut woken.places);
        }
        // Who is woken from here on has woken the task: it waits for the next poll, so that one that wakes itself does not
        // keep the others from theirs.
        while let Some(place) = self.due.pop_front() {
            let Some(member) = self.members.get_mut(place) else { continue };
            let Some((future, waker)) = member else { continue };
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(waker)) {
                *member = None;
                self.running -= 1;
                return Poll::Ready(Some((place, output)));
            }
        }
        Poll::Pending
    }
}

impl<F> Extend<F> for Together<F> {
    fn extend<I: IntoIterator<Item = F>>(&mut self, futures: I) {
        for future in futures {
            let place = self.members.len();
            let waker = Waker::from(Arc::new(Member { place, woken: Arc::clone(&self.woken) }));
            self.members.push(Some((Box::pin(future), waker)));
            self.running += 1;
            self.due.push_back(place);
        }
    }
}

impl<F> FromIterator<F> for Together<F> {
    fn from_iter<I: IntoIterator<Item = F>>(futures: I) -> Self {
        let woken = Woken { places: VecDeque::new(), task: Waker::noop().clone() };
        let woken = Arc::new(Mutex::new(woken));
        let mut together = Self { members: Vec::new(), running: 0, due: VecDeque::new(), woken };
        together.extend(futures);
        together
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn outputs_come_as_they_are_ready_and_tell_their_places() {
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| oneshot::channel()).unzip();
        let mut together: Together<_> = receivers.into_iter().collect();
        assert_eq!(together.next_ready(), None);
        for (place, sender) in senders.into_iter().enumerate().rev() {
            sender.send(place).expect("it waits");
            assert_eq!(together.next().await, Some((place, Ok(place))));
        }
        assert_eq!(together.next().await, None);
    }

    #[tokio::test]
    async fn only_who_was_woken_is_polled() {
        let polls = AtomicUsize::new(0);
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..100).map(|_| oneshot::channel::<()>()).unzip();
        let counted = receivers.into_iter().map(|receiver| {
            let mut receiver = Box::pin(receiver);
            let polls = &polls;
            poll_fn(move |context| {
                polls.fetch_add(1, Ordering::Relaxed);
                receiver.as_mut().poll(context)
            })
        });
        let mut together: Together<_> = counted.collect();
        for sender in senders {
            assert!(together.next_ready().is_none());
            drop(sender);
            assert!(together.next().await.is_some());
        }
        assert_eq!(polls.into_inner(), 200);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn no_wake_of_another_thread_is_lost() {
        for _ in 0..200 {
            let tasks = (0..20).map(|_| tokio::spawn(tokio::task::yield_now()));
            let mut together: Together<_> = tasks.collect();
            for _ in 0..20 {
                let next = tokio::time::timeout(Duration::from_secs(10), together.next()).await;
                assert!(next.expect("it is woken").is_some());
            }
        }
    }

    #[tokio::test]
    async fn one_that_wakes_itself_leaves_room_for_others() {
        let busy = poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        let mut together: Together<Pin<Box<dyn Future<Output = ()>>>> = Together::from_iter([]);
        together.extend([Box::pin(busy) as Pin<Box<dyn Future<Output = ()>>>]);
        together.extend([Box::pin(tokio::time::sleep(Duration::from_millis(5))) as _]);
        assert_eq!(together.next().await, Some((1, ())));
    }

    #[tokio::test]
    async fn no_more_run_than_may() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let one = async || {
            most.fetch_max(running.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::task::yield_now().await;
            running.fetch_sub(1, Ordering::Relaxed);
        };
        run_all((0..50).map(|_| one()), 7).await;
        assert_eq!((running.into_inner(), most.into_inner()), (0, 7));
    }

    #[tokio::test]
    async fn joined_outputs_have_the_order_of_the_futures() {
        let late = async |output: u32| {
            for _ in 0..output {
                tokio::task::yield_now().await;
            }
            output
        };
        assert_eq!(join_all([late(3), late(1), late(2)]).await, [3, 1, 2]);
        assert_eq!(join(late(2), async { "at once" }).await, (2, "at once"));
    }
}
