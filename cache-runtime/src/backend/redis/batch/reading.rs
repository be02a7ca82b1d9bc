//! The caller's side: a read under way.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::super::readers::Readers;
use super::{Answer, Errand, Gathered, Waiting};
use crate::clock::{Clock, Limit};
use crate::error::BackendError;
use crate::rt;

/// A read of one key. All of a call that hits waits for it, so it is small, and no `async fn`.
pub(in super::super) struct Reading<'a, E: Errand>(Step<'a, E>);

impl<'a, E: Errand> Reading<'a, E> {
    /// One that has not begun.
    pub(super) const fn new(gathered: &'a Arc<Gathered<E>>, key: &'a str, limit: Option<Duration>) -> Self {
        Self(Step::Asks { gathered, key, limit })
    }
}

enum Step<'a, E: Errand> {
    /// It has not begun.
    Asks {
        gathered: &'a Arc<Gathered<E>>,
        key: &'a str,
        limit: Option<Duration>,
    },
    Waits(Awaited<'a, E>),
    /// It sends its own batch. Apart: of many who wait, few send.
    Sends(Pin<Box<dyn Future<Output = Answer<E>> + Send + 'a>>),
}

impl<E: Errand> Future for Reading<'_, E> {
    type Output = Answer<E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<E>> {
        let step = &mut self.0;
        if let &mut Step::Asks { gathered, key, limit } = step {
            let asks = gathered.asks(key);
            let ask = |waiting: &mut Waiting<E>, waker| gathered.ask(waiting, &asks, waker, limit);
            *step = match gathered.join(context.waker().clone(), ask) {
                // It will be woken.
                (awaited, None) if awaited.own.is_none() => {
                    *step = Step::Waits(awaited);
                    return Poll::Pending;
                }
                (awaited, None) => Step::Waits(awaited),
                (awaited, Some(own)) => Step::Sends(Box::pin(awaited.after(own))),
            };
        }
        match step {
            Step::Asks { .. } => Poll::Pending,
            Step::Waits(awaited) => Pin::new(awaited).poll(context),
            Step::Sends(sends) => sends.as_mut().poll(context),
        }
    }
}

/// A caller's side: when it is dropped, so is what came too late for it.
pub(super) struct Awaited<'a, E: Errand> {
    pub(super) errand: &'a Arc<E>,
    pub(super) key: &'a str,
    /// Its place in its batch; nothing once it has been answered.
    pub(super) asked: Option<(usize, Arc<Readers<Answer<E>>>)>,
    /// How long it has, in milliseconds; 0 for as long as it takes.
    pub(super) limit: u64,
    pub(super) due: u64,
    /// Where the batch's bell is not enough.
    pub(super) own: Option<Box<Limit<'static>>>,
}

impl<E: Errand> Awaited<'_, E> {
    /// Sees to its own time.
    pub(super) fn keep_time(&mut self) {
        let left = self.due.saturating_sub(Clock::machine().coarse_millis());
        self.own = Some(Box::new(Clock::machine().limit(Duration::from_millis(left))));
    }

    /// The answer, after the batch that it is in.
    async fn after(self, mut batch: Own) -> Answer<E> {
        if self.limit == 0 {
            batch.await;
        } else {
            let limit = Duration::from_millis(self.limit);
            let in_time = rt::limited(Clock::machine(), limit, &mut batch, || ());
            in_time.await;
            if !batch.is_over() {
                return Err(BackendError::Timeout(limit));
            }
        }
        self.await
    }
}

impl<E: Errand> Future for Awaited<'_, E> {
    type Output = Answer<E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<E>> {
        let this = &mut *self;
        let Some((place, readers)) = &this.asked else { return Poll::Pending };
        let is_rung = match readers.poll(*place, context) {
            Ok(answer) => {
                this.asked = None;
                return Poll::Ready(answer);
            }
            Err(is_rung) => is_rung,
        };
        if is_rung && this.limit > 0 && this.own.is_none() {
            this.keep_time();
        }
        let Some(own) = &mut this.own else { return Poll::Pending };
        own.poll(context).map(|()| Err(BackendError::Timeout(Duration::from_millis(this.limit))))
    }
}

impl<E: Errand> Drop for Awaited<'_, E> {
    fn drop(&mut self) {
        let unread = self.asked.take().and_then(|(place, readers)| readers.leave(place));
        if let Some(Ok(found)) = unread {
            self.errand.take_back(self.key, found);
        }
    }
}

/// A batch of the caller's own, in its own task as long as it is there.
pub(super) struct Own(Option<Pin<Box<dyn Future<Output = ()> + Send>>>);

impl Own {
    pub(super) fn new(batch: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(Some(Box::pin(batch)))
    }

    const fn is_over(&self) -> bool {
        self.0.is_none()
    }
}

impl Future for Own {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(batch) = &mut self.0 else { return Poll::Ready(()) };
        let polled = batch.as_mut().poll(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        // A command under way is heard to its end: it may have taken a lease.
        if let (Some(batch), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(batch);
        }
    }
}
