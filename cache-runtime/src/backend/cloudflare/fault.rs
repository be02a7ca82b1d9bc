//! What Cloudflare and the network say when something fails, without keys, values and the token.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use crate::backend::limits::Request;
use crate::error::BackendError;

/// There is no such key.
pub(super) const NO_KEY: u64 = 10_009;
/// There is no such namespace.
const NO_NAMESPACE: u64 = 10_013;

/// Why a request got no answer, or a refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nobody answers.
    Unreachable(&'static str),
    /// The connection was lost with the answer on it.
    Cut(&'static str),
    /// It took too long.
    Timeout(Duration),
    /// An answer that is not one of this service.
    Answer,
    /// An answer larger than any that is right.
    TooLarge,
    /// The stream of a value that was to be stored failed.
    Stream,
    /// Some keys of a bulk were left out, again and again.
    LeftOut(usize),
    /// Cloudflare asked to wait, or could not be reached, a moment ago.
    Paused(Duration),
    /// A refusal.
    Refused {
        status: u16,
        /// Cloudflare's own; 0 if it gave none.
        code: u64,
        message: String,
        retry_after: Option<Duration>,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(why) => write!(formatter, "no connection ({why})"),
            Self::Cut(why) => write!(formatter, "the answer was cut off ({why})"),
            Self::Timeout(limit) => write!(formatter, "no answer within {limit:?}"),
            Self::Answer => write!(formatter, "the answer is not one of Cloudflare KV; check the base URL"),
            Self::TooLarge => write!(formatter, "the answer is too large"),
            Self::Stream => write!(formatter, "the stream of the value failed"),
            Self::LeftOut(count) => write!(formatter, "{count} keys of a bulk request were not done"),
            Self::Paused(left) => {
                write!(formatter, "no request is made for another {left:?}, since the last ones failed")
            }
            Self::Refused { status, code: 0, .. } => {
                write!(formatter, "{} (status {status})", refusal(*status, 0))
            }
            Self::Refused { status, code, .. } => {
                write!(formatter, "{} (status {status}, code {code})", refusal(*status, *code))
            }
        }
    }
}

impl Error for Fault {}

/// What a refusal means, and the fix.
fn refusal(status: u16, code: u64) -> &'static str {
    match (status, code) {
        (401 | 403, _) | (_, 10_000 | 9_109 | 6_003) => {
            "the token was refused: check that it is right and has `Workers KV Storage: Edit` on the account"
        }
        (404, NO_NAMESPACE) => "there is no such namespace in the account: check both ids",
        (404, _) => "there is nothing at that address: check the account id and the base URL",
        (429, _) => "too many requests",
        (500.., _) => "the service failed",
        _ => "the request was refused",
    }
}

impl Fault {
    /// What the client met; its own text can quote the address, which has the key.
    pub(super) fn of_client(error: &reqwest::Error) -> Self {
        let kind = kind_of(error);
        if error.is_connect() { Self::Unreachable(kind) } else { Self::Cut(kind) }
    }

    pub(super) fn is_missing_key(&self) -> bool {
        matches!(self, Self::Refused { status: 404, code: NO_KEY, .. })
    }

    pub(super) fn is_too_large(&self) -> bool {
        matches!(self, Self::Refused { status: 413, .. } | Self::TooLarge)
    }

    pub(super) fn is_too_many(&self) -> bool {
        matches!(self, Self::Refused { status: 429, .. })
    }

    /// Whether trying again may help.
    pub(super) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Cut(_) | Self::Timeout(_) => true,
            Self::Refused { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The backend's error. A refusal of what was asked is in the service's own words, without the keys.
    pub(super) fn into_error(self, request: Request, keys: &[&str]) -> BackendError {
        match self {
            Self::Timeout(limit) => BackendError::Timeout(limit),
            Self::Refused { status: status @ (400 | 413 | 414), code, message, .. } if code != 6_003 => {
                let words = without(&message, keys);
                request.refuse(format_args!("{status} {words}"))
            }
            Self::Stream | Self::TooLarge => BackendError::Other(Box::new(self)),
            fault => BackendError::Unavailable(Box::new(fault)),
        }
    }
}

/// A message of the service on one line, with none of the keys in it.
fn without(message: &str, keys: &[&str]) -> String {
    const LONGEST: usize = 300;
    let words: String = message.chars().filter(|letter| !letter.is_control()).take(LONGEST).collect();
    keys.iter().filter(|key| !key.is_empty()).fold(words, |words, key| without_word(&words, key))
}

/// A text without a key where it stands for itself, not within a word.
fn without_word(text: &str, key: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(key) {
        let (before, after) = (&rest[..at], &rest[at + key.len()..]);
        let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        shown += before;
        let is_part = is_word(shown.chars().next_back()) || is_word(after.chars().next());
        shown += if is_part { key } else { "…" };
        rest = after;
    }
    shown + rest
}

/// The kind of a client's error, without its text.
fn kind_of(error: &reqwest::Error) -> &'static str {
    use std::io::ErrorKind;
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<std::io::Error>() {
            return match error.kind() {
                ErrorKind::ConnectionRefused => "connection refused",
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => "connection reset",
                ErrorKind::UnexpectedEof => "unexpected end",
                ErrorKind::TimedOut => "timed out",
                ErrorKind::InvalidData => "TLS failed",
                _ => "i/o error",
            };
        }
        source = error.source();
    }
    match error {
        error if error.is_timeout() => "timed out",
        error if error.is_connect() => "the host is not found, or TLS failed",
        error if error.is_body() || error.is_decode() => "in the middle",
        _ => "what came was not the protocol",
    }
}
