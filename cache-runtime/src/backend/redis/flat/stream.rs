//! A connection whose lists of strings are flattened as they come.

use std::io;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::scanner::{Found, Scanner};

/// The least room to read into: what the client reads at a time is small, and each time a system call.
const ROOM: usize = 32 * 1024;
/// How large the buffer is at first, and is again after something [`LARGE`].
const USUAL: usize = 2 * ROOM;
/// The largest buffer that is kept: there is room for a batch of values of a kilobyte.
const LARGE: usize = 4 * USUAL;
/// Kept free at the front, for the head of a string where that of a list was.
const MARGIN: usize = 24;

/// A connection that reads flattened lists.
pub(in super::super) struct Flat<S> {
    stream: S,
    scanner: Scanner,
    buffer: Vec<u8>,
    /// What was read and not handed on.
    start: usize,
    end: usize,
    /// How much of it may be.
    ready: usize,
}

impl<S: AsyncRead + Unpin> Flat<S> {
    pub(in super::super) fn new(stream: S) -> Self {
        Self { stream, scanner: Scanner::new(), buffer: Vec::new(), start: MARGIN, end: MARGIN, ready: 0 }
    }

    /// Reads once; nothing at the end.
    fn fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let length = self.end.saturating_sub(self.start);
        if length == 0 && self.buffer.len() > LARGE {
            self.buffer.truncate(USUAL);
            self.buffer.shrink_to_fit();
        }
        if length == 0 {
            (self.start, self.end) = (MARGIN, MARGIN);
        } else if self.buffer.len().saturating_sub(self.end) < ROOM && self.start > MARGIN {
            self.buffer.copy_within(self.start..self.end, MARGIN);
            (self.start, self.end) = (MARGIN, MARGIN + length);
        }
        if self.buffer.len().saturating_sub(self.end) < ROOM {
            self.buffer.resize((2 * self.buffer.len()).max(USUAL), 0);
        }
        let mut room = ReadBuf::new(self.buffer.get_mut(self.end..).unwrap_or_default());
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut room))?;
        let read = room.filled().len();
        self.end += read;
        Poll::Ready(Ok(read))
    }

    /// Makes a string of a list, whose elements begin and end so far from the start.
    ///
    /// The end of the last element's line becomes that of the string.
    fn flatten(&mut self, elements: Range<usize>) {
        let mut number = itoa::Buffer::new();
        let length = number.format(elements.len().saturating_sub(2)).as_bytes();
        let head = self.start + elements.start;
        // `$`, the number, the end of the line.
        let Some(start) = head.checked_sub(length.len() + 3) else { return };
        let Some(room) = self.buffer.get_mut(start..head) else { return };
        let text = b"$".iter().chain(length).chain(b"\r\n");
        room.iter_mut().zip(text).for_each(|(place, byte)| *place = *byte);
        self.start = start;
        self.ready = head - start + elements.len();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Flat<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        loop {
            let now = this.ready.min(buffer.remaining());
            buffer.put_slice(this.buffer.get(this.start..this.start + now).unwrap_or_default());
            this.start += now;
            this.ready -= now;
            if buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            match this.scanner.scan(this.buffer.get(this.start..this.end).unwrap_or_default()) {
                Found::Other(length) => this.ready = length,
                Found::List(elements) => this.flatten(elements),
                Found::Part if buffer.filled().len() > before => return Poll::Ready(Ok(())),
                Found::Part => {
                    if ready!(this.fill(context))? == 0 {
                        if this.start == this.end {
                            return Poll::Ready(Ok(()));
                        }
                        this.scanner.end();
                    }
                }
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Flat<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}
