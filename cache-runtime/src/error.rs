//! What can go wrong: [`CacheError`] for users of the service, [`BackendError`] for implementors of a backend.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The boxed source of an error.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// The result of a service method.
pub type Result<T, E = CacheError> = std::result::Result<T, E>;

/// An error of the cache service.
///
/// Names the operation and, where one took part, the backend; keeps the source. Its own text never holds a key, a
/// part of a key, a value or a credential, so it is safe to log; nor do its sources, but for that of
/// [`Encode`](Self::Encode), which is the value's own. A miss is not an error.
#[derive(Debug)]
#[non_exhaustive]
pub enum CacheError {
    /// The key cannot be stored; nothing was sent to the backend.
    InvalidKey {
        /// The service method.
        operation: &'static str,
        /// What is wrong with it.
        reason: InvalidKey,
    },
    /// The prefix is not of the form `[A-Za-z0-9._-]{1,64}`.
    InvalidPrefix {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The time to live is zero or longer than [`Ttl::MAX`](crate::Ttl::MAX).
    InvalidTtl {
        /// The service method.
        operation: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The glob pattern cannot be read.
    InvalidPattern {
        /// The service method.
        operation: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The value is larger than the service's limit; nothing was stored, or nothing was decoded.
    ValueTooLarge {
        /// The service method.
        operation: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The value could not be turned into bytes; nothing was stored.
    Encode {
        /// The service method.
        operation: &'static str,
        /// The codec's name.
        codec: &'static str,
        /// What the codec or the value's `Serialize` said: the one source that may quote the value.
        source: BoxError,
    },
    /// The stored bytes are not a value of the type that was asked for; they stay as they are.
    Decode {
        /// The service method.
        operation: &'static str,
        /// The backend's name.
        backend: &'static str,
        /// The codec's name.
        codec: &'static str,
    },
    /// The stored value is not a whole number of 64 bits; it stays as it was.
    NotAnInteger {
        /// The service method.
        operation: &'static str,
        /// The backend's name.
        backend: &'static str,
    },
    /// The counter would leave the range of an `i64`; it stays as it was.
    CounterOverflow {
        /// The service method.
        operation: &'static str,
        /// The backend's name.
        backend: &'static str,
    },
    /// The backend could not do it.
    Backend {
        /// The service method.
        operation: &'static str,
        /// The backend's name.
        backend: &'static str,
        /// What the backend said.
        source: BackendError,
    },
    /// The body of a cached function did not end within its `timeout`, and no stale value could stand in.
    LoadTimedOut {
        /// The `timeout`.
        limit: Duration,
    },
    /// A service or a backend cannot be built from this configuration.
    Configuration(String),
}

impl fmt::Display for CacheError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidKey { operation, reason } => write!(formatter, "{operation}: invalid key: {reason}"),
            Self::InvalidPrefix { reason } => write!(
                formatter,
                "invalid prefix: {reason}; a prefix is 1 to 64 of the characters A-Z a-z 0-9 . _ -"
            ),
            Self::InvalidTtl { operation, reason } => write!(formatter, "{operation}: invalid ttl: {reason}"),
            Self::InvalidPattern { operation, reason } => {
                write!(formatter, "{operation}: invalid pattern: {reason}")
            }
            Self::ValueTooLarge { operation, limit } => {
                write!(formatter, "{operation}: the value is larger than the limit of {limit} bytes")
            }
            Self::Encode { operation, codec, .. } => {
                write!(formatter, "{operation}: the value could not be encoded as {codec}")
            }
            Self::Decode { operation, backend, codec } => write!(
                formatter,
                "{operation}: the bytes stored in {backend} are not {codec} of the type that was asked for"
            ),
            Self::NotAnInteger { operation, backend } => {
                write!(formatter, "{operation}: the value stored in {backend} is not an integer")
            }
            Self::CounterOverflow { operation, backend } => {
                write!(formatter, "{operation}: the counter stored in {backend} would overflow")
            }
            Self::Backend { operation, backend, .. } => write!(formatter, "{operation}: {backend} failed"),
            Self::LoadTimedOut { limit } => write!(formatter, "the load did not end within {limit:?}"),
            Self::Configuration(reason) => write!(formatter, "configuration: {reason}"),
        }
    }
}

impl StdError for CacheError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Encode { source, .. } => Some(source.as_ref()),
            Self::Backend { source, .. } => Some(source),
            _ => None,
        }
    }
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The key has no characters.
    Empty,
    /// The key with its prefix is longer than the limit.
    TooLong {
        /// Its length in bytes of UTF-8.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The key holds a control character.
    ControlCharacter,
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(formatter, "the key is empty"),
            Self::TooLong { length, limit } => {
                write!(formatter, "the key with its prefix has {length} bytes, the limit is {limit}")
            }
            Self::ControlCharacter => write!(formatter, "the key holds a control character"),
        }
    }
}

impl StdError for InvalidKey {}

/// What a [`Backend`](crate::Backend) answers when it fails.
///
/// A backend turns its client's errors into one of these and removes keys, values and credentials from the text.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackendError {
    /// It cannot be reached, or it refused to serve. Trying later can help.
    Unavailable(BoxError),
    /// It did not answer in time.
    Timeout(Duration),
    /// The stored value is not an integer (`increment`).
    NotAnInteger,
    /// The counter would leave the range of an `i64` (`increment`).
    CounterOverflow,
    /// The request breaks a rule of the backend; trying again does not help.
    Rejected(String),
    /// The backend cannot do this at all.
    Unsupported(&'static str),
    /// Anything else.
    Other(BoxError),
}

impl fmt::Display for BackendError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(source) => write!(formatter, "unavailable: {source}"),
            Self::Timeout(limit) => write!(formatter, "no answer within {limit:?}"),
            Self::NotAnInteger => write!(formatter, "the stored value is not an integer"),
            Self::CounterOverflow => write!(formatter, "the counter would overflow"),
            Self::Rejected(reason) => write!(formatter, "rejected: {reason}"),
            Self::Unsupported(operation) => write!(formatter, "{operation} is not supported"),
            Self::Other(source) => fmt::Display::fmt(source, formatter),
        }
    }
}

impl StdError for BackendError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Unavailable(source) | Self::Other(source) => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl BackendError {
    /// Adds the operation and the backend's name.
    pub(crate) fn during(self, operation: &'static str, backend: &'static str) -> CacheError {
        match self {
            Self::NotAnInteger => CacheError::NotAnInteger { operation, backend },
            Self::CounterOverflow => CacheError::CounterOverflow { operation, backend },
            source => CacheError::Backend { operation, backend, source },
        }
    }
}
