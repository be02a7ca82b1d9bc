//! What can go wrong: [`CacheError`] for users of the service, [`BackendError`] for implementors of a backend.

use std::error::Error as StdError;
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
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// The key cannot be stored; nothing was sent to the backend.
    #[error("{operation}: invalid key: {reason}")]
    InvalidKey {
        /// The service method.
        operation: &'static str,
        /// What is wrong with it.
        reason: InvalidKey,
    },
    /// The prefix is not of the form `[A-Za-z0-9._-]{1,64}`.
    #[error("invalid prefix: {reason}; a prefix is 1 to 64 of the characters A-Z a-z 0-9 . _ -")]
    InvalidPrefix {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The time to live is zero or longer than [`Ttl::MAX`](crate::Ttl::MAX).
    #[error("{operation}: invalid ttl: {reason}")]
    InvalidTtl {
        /// The service method.
        operation: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The glob pattern cannot be read.
    #[error("{operation}: invalid pattern: {reason}")]
    InvalidPattern {
        /// The service method.
        operation: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The value is larger than the service's limit; nothing was stored, or nothing was decoded.
    #[error("{operation}: the value is larger than the limit of {limit} bytes")]
    ValueTooLarge {
        /// The service method.
        operation: &'static str,
        /// The limit in bytes.
        limit: usize,
    },
    /// The value could not be turned into bytes; nothing was stored.
    #[error("{operation}: the value could not be encoded as {codec}")]
    Encode {
        /// The service method.
        operation: &'static str,
        /// The codec's name.
        codec: &'static str,
        /// What the codec or the value's `Serialize` said: the one source that may quote the value.
        #[source]
        source: BoxError,
    },
    /// The stored bytes are not a value of the type that was asked for; they stay as they are.
    #[error("{operation}: the bytes stored in {backend} are not {codec} of the type that was asked for")]
    Decode {
        /// The service method.
        operation: &'static str,
        /// The backend's name.
        backend: &'static str,
        /// The codec's name.
        codec: &'static str,
    },
    /// The stored value is not a whole number of 64 bits; it stays as it was.
    #[error("{operation}: the value stored in {backend} is not an integer")]
    NotAnInteger {
        /// The service method.
        operation: &'static str,
        /// The backend's name.
        backend: &'static str,
    },
    /// The counter would leave the range of an `i64`; it stays as it was.
    #[error("{operation}: the counter stored in {backend} would overflow")]
    CounterOverflow {
        /// The service method.
        operation: &'static str,
        /// The backend's name.
        backend: &'static str,
    },
    /// The backend could not do it.
    #[error("{operation}: {backend} failed")]
    Backend {
        /// The service method.
        operation: &'static str,
        /// The backend's name.
        backend: &'static str,
        /// What the backend said.
        #[source]
        source: BackendError,
    },
    /// The body of a cached function did not end within its `timeout`, and no stale value could stand in.
    #[error("the load did not end within {limit:?}")]
    LoadTimedOut {
        /// The `timeout`.
        limit: Duration,
    },
    /// A service or a backend cannot be built from this configuration.
    #[error("configuration: {0}")]
    Configuration(String),
}

/// Why a key is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKey {
    /// The key has no characters.
    #[error("the key is empty")]
    Empty,
    /// The key with its prefix is longer than the limit.
    #[error("the key with its prefix has {length} bytes, the limit is {limit}")]
    TooLong {
        /// Its length in bytes of UTF-8.
        length: usize,
        /// The limit in bytes.
        limit: usize,
    },
    /// The key holds a control character.
    #[error("the key holds a control character")]
    ControlCharacter,
}

/// What a [`Backend`](crate::Backend) answers when it fails.
///
/// A backend turns its client's errors into one of these and removes keys, values and credentials from the text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// It cannot be reached, or it refused to serve. Trying later can help.
    #[error("unavailable: {0}")]
    Unavailable(#[source] BoxError),
    /// It did not answer in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// The stored value is not an integer (`increment`).
    #[error("the stored value is not an integer")]
    NotAnInteger,
    /// The counter would leave the range of an `i64` (`increment`).
    #[error("the counter would overflow")]
    CounterOverflow,
    /// The request breaks a rule of the backend; trying again does not help.
    #[error("rejected: {0}")]
    Rejected(String),
    /// The backend cannot do this at all.
    #[error("{0} is not supported")]
    Unsupported(&'static str),
    /// Anything else.
    #[error("{0}")]
    Other(#[source] BoxError),
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
