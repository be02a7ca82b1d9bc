//! Streams, as far as the crate makes some.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

/// The next piece; `None` after the last.
pub(crate) async fn next<S: Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    poll_fn(|context| Pin::new(&mut *stream).poll_next(context)).await
}

/// A stream of one piece.
pub(crate) struct Once<T>(pub(crate) Option<T>);

impl<T: Unpin> Stream for Once<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        Poll::Ready(self.0.take())
    }
}

/// A stream of what a function makes of the pieces of another.
pub(crate) struct Map<S, F>(pub(crate) S, pub(crate) F);

impl<S: Stream + Unpin, T, F: FnMut(S::Item) -> T + Unpin> Stream for Map<S, F> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let Self(stream, function) = &mut *self;
        Pin::new(stream).poll_next(context).map(|piece| piece.map(function))
    }
}
