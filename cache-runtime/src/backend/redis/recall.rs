//! Copies called back: a writer publishes its keys, whoever holds copies drops them and says so, and the writer waits for
//! as many as the server has told, or until those who are silent no longer serve theirs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use redis::Pipeline;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::connection::Again;
use super::tracking::Tracking;
use super::{reply, tokens};
use crate::error::BackendError;
use crate::key::Prefix;

/// The channel on which a prefix's copies are called back.
pub(super) fn sync_channel(prefix: &str) -> String {
    format!("{prefix}!sync")
}

/// Waiting calls, and how often each has been acknowledged.
pub(super) struct Acks {
    /// Tells this process from others.
    own: u64,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, watch::Sender<u64>>>,
}

impl Default for Acks {
    fn default() -> Self {
        Self { own: tokens::unique(), next: AtomicU64::new(0), waiting: Mutex::default() }
    }
}

impl Acks {
    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, watch::Sender<u64>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The channel on which this process hears acknowledgements.
    fn channel(&self, prefix: &str) -> String {
        format!("{}:{:016x}", sync_channel(prefix), self.own)
    }

    /// Counts an acknowledgement.
    pub(super) fn count(&self, number: &[u8]) {
        let number = number.try_into().map(u64::from_be_bytes);
        if let Ok(number) = number
            && let Some(count) = self.waiting().get(&number)
        {
            count.send_modify(|count| *count += 1);
        }
    }
}

/// A call that waits; forgotten when it is dropped.
struct Call<'a> {
    acks: &'a Acks,
    number: u64,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        self.acks.waiting().remove(&self.number);
    }
}

impl Tracking {
    /// See [`Backend::recall`](crate::Backend::recall). Where nobody can be asked, it waits until who does not hear
    /// serves no copies.
    pub(super) async fn recall(&self, keys: &[&str]) -> Result<(), BackendError> {
        let wanted = &self.0;
        let Some((prefix, _)) = keys.first().and_then(|key| key.split_once(':')) else { return Ok(()) };
        // The generations of its tags are told of on a prefix's own channel.
        let prefix = prefix.strip_suffix(Prefix::GENERATIONS).unwrap_or(prefix);
        let acks = &wanted.acks;
        let channel = acks.channel(prefix);
        let is_heard = self.subscribe(&channel).await;

        let (sender, mut count) = watch::channel(0);
        let call = Call { acks, number: acks.next.fetch_add(1, Ordering::Relaxed) };
        acks.waiting().insert(call.number, sender);
        let message = encode(call.number, &channel, keys);
        let build = |_: &_| {
            let mut pipeline = Pipeline::new();
            pipeline.cmd("PUBLISH").arg(sync_channel(prefix)).arg(&message);
            pipeline
        };
        let answer = wanted.link.call(Again::MustNot, build).await;
        let receivers = answer.and_then(|(_, mut answers)| reply::count(answers.pop().unwrap_or_default()));
        // Whoever has not heard the message by now has not heard an answer to a question that it asked later, either.
        let deadline = Instant::now() + wanted.bound;
        match receivers {
            Ok(receivers) if is_heard || receivers == 0 => {
                let all = count.wait_for(|count| *count >= receivers);
                if timeout_at(deadline, all).await.is_err() {
                    tracing::debug!("a process did not say that it has dropped its copies");
                }
                Ok(())
            }
            _ => {
                tokio::time::sleep_until(deadline).await;
                receivers.map(drop).map_err(BackendError::from)
            }
        }
    }
}

/// What a writer publishes: the number of its call, where to acknowledge, and keys.
pub(super) struct Request<'a> {
    pub(super) number: [u8; 8],
    pub(super) channel: &'a str,
    pub(super) keys: Vec<&'a str>,
}

fn encode(number: u64, channel: &str, keys: &[&str]) -> Vec<u8> {
    let mut message = number.to_be_bytes().to_vec();
    for text in std::iter::once(&channel).chain(keys) {
        // A key is no longer than 512 bytes, a channel shorter.
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        message.extend(length.to_be_bytes());
        message.extend(text.as_bytes());
    }
    message
}

impl<'a> Request<'a> {
    /// Reads a message; nothing where somebody else has published something else.
    pub(super) fn parse(message: &'a [u8]) -> Option<Self> {
        let (number, mut rest) = message.split_first_chunk()?;
        let mut texts = Vec::new();
        while let Some((length, more)) = rest.split_first_chunk() {
            let (text, more) = more.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            texts.push(std::str::from_utf8(text).ok()?);
            rest = more;
        }
        let mut texts = texts.into_iter();
        let channel = texts.next().filter(|_| rest.is_empty())?;
        Some(Self { number: *number, channel, keys: texts.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::{Request, encode};

    #[test]
    fn a_message_is_read_as_it_was_written() {
        let keys = ["app:project:7", "app:a\nb\0c", "app:"];
        let message = encode(7, "app!sync:00", &keys);
        let request = Request::parse(&message).expect("it is whole");
        assert_eq!((request.number, request.channel), (7_u64.to_be_bytes(), "app!sync:00"));
        assert_eq!(request.keys, keys);
    }

    #[test]
    fn what_is_no_message_is_not_read() {
        let message = encode(7, "app!sync:00", &["app:k"]);
        for length in 0..message.len() {
            let cut = Request::parse(&message[..length]);
            // Cut between two keys it is a message of fewer.
            assert!(cut.is_none_or(|request| request.keys.is_empty()), "{length}");
        }
        assert!(Request::parse(b"hello, this is somebody else").is_none());
    }
}
