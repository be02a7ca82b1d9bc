//! How a [`RedisBackend`] is set up.

use std::fmt;
use std::time::Duration;

use super::address::{Credentials, Trust};
use super::connection::Limits;
use super::{RedisBackend, address};
use crate::error::Result;

/// Below this a busy machine would often be taken for silence.
const LEAST_SILENCE: Duration = Duration::from_millis(50);

/// Where a [`RedisBackend`] connects to, and how long it waits.
///
/// | address | connection |
/// | --- | --- |
/// | `redis://[user[:password]@]host[:port][/database]` | TCP |
/// | `rediss://…` | TLS, with the system's certificates or [`root_certificates`](Self::root_certificates) |
/// | `redis+cluster://[user[:password]@]host:port[,host:port…]` | a cluster, by some of its nodes |
/// | `redis+sentinel://[user[:password]@]host:port[,host:port…]/primary-name[/database]` | the primary that these Sentinels name; the credentials are the primary's, see [`sentinel_credentials`](Self::sentinel_credentials) |
/// | `unix:///path/to/socket[?db=1&user=…&pass=…]`, `redis+unix://…` | a socket on this machine |
///
/// `valkey://`, `valkeys://` and `valkey+unix://` are the same, and so are `rediss+cluster://`, `valkey+cluster://` and
/// the like. A character of the password that has a meaning in
/// URLs is percent-encoded. Neither `Debug` nor any error shows the address.
#[derive(Clone)]
pub struct RedisBackendBuilder {
    url: String,
    connect_timeout: Duration,
    command_timeout: Duration,
    longest_load: Duration,
    silence_bound: Duration,
    root_certificates: Option<Vec<u8>>,
    sentinel_credentials: Option<Credentials>,
}

impl RedisBackendBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            connect_timeout: Duration::from_secs(2),
            command_timeout: Duration::from_secs(1),
            longest_load: Duration::from_secs(30),
            silence_bound: Duration::from_millis(400),
            root_certificates: None,
            sentinel_credentials: None,
        }
    }

    /// How long opening a connection may take, with its introduction: 2 seconds unless set.
    #[must_use]
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long a command may take: 1 second unless set. A listing is many commands.
    #[must_use]
    pub const fn command_timeout(mut self, limit: Duration) -> Self {
        self.command_timeout = limit;
        self
    }

    /// How long a load may take and still be stored: 30 seconds unless set. Its lease lasts 3 seconds and is
    /// renewed until then, so that the end of a process frees its keys soon.
    #[must_use]
    pub const fn longest_load(mut self, limit: Duration) -> Self {
        self.longest_load = limit;
        self
    }

    /// How long a local tier over this backend serves values without a sign that it hears of changes: 400 ms unless
    /// set, 50 ms at the least. The same in all processes: an `#[invalidates(…, sync)]` waits so long for one that does
    /// not answer. The sign is a `PING` on the connection of the pushes, four in this time.
    #[must_use]
    pub const fn silence_bound(mut self, limit: Duration) -> Self {
        self.silence_bound = limit;
        self
    }

    /// Certificates, as PEM text, that are trusted instead of the system's (for `rediss://`).
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    /// Who asks the Sentinels of a `redis+sentinel://` address, where they demand it; `default` is the user of those that
    /// have a password alone (`requirepass`). The credentials in the address are the primary's.
    ///
    /// ```
    /// use cache_runtime::RedisBackend;
    ///
    /// # fn main() -> cache_runtime::Result<()> {
    /// let builder = RedisBackend::builder("redis+sentinel://cache:of-the-primary@10.0.0.1:26379/main");
    /// let backend = builder.sentinel_credentials("default", "of-the-sentinels").build()?;
    /// # drop(backend);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sentinel_credentials(mut self, user: impl Into<String>, password: impl Into<String>) -> Self {
        self.sentinel_credentials = Some(Credentials { user: user.into(), password: password.into() });
        self
    }

    /// Builds the backend without connecting: the first call will.
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`](crate::CacheError::Configuration) where the address or the certificates cannot be read. The message does not
    /// show them.
    pub fn build(self) -> Result<RedisBackend> {
        let limits = Limits { connect: self.connect_timeout, command: self.command_timeout };
        let trust = Trust {
            root_certificates: self.root_certificates.as_deref(),
            sentinel_credentials: self.sentinel_credentials.as_ref(),
        };
        let servers = address::servers(&self.url, trust, limits)?;
        Ok(RedisBackend::new(servers, self.longest_load, self.silence_bound.max(LEAST_SILENCE)))
    }

    /// Builds the backend and connects.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); and [`CacheError::Backend`](crate::CacheError::Backend) where the server cannot be reached or refuses.
    ///
    /// # Cancellation
    ///
    /// Dropping the future gives the connection up.
    pub async fn connect(self) -> Result<RedisBackend> {
        self.build()?.connected().await
    }
}

impl fmt::Debug for RedisBackendBuilder {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisBackendBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("command_timeout", &self.command_timeout)
            .field("longest_load", &self.longest_load)
            .field("silence_bound", &self.silence_bound)
            .finish_non_exhaustive()
    }
}
