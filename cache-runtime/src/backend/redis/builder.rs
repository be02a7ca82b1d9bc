//! How a [`RedisBackend`] is set up.

use std::fmt;
use std::time::Duration;

use redis::{Client, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, TlsCertificates};

use super::RedisBackend;
use super::connection::Link;
use crate::error::{CacheError, Result};

/// Where a [`RedisBackend`] connects to, and how long it waits.
///
/// | address | connection |
/// | --- | --- |
/// | `redis://[user[:password]@]host[:port][/database]` | TCP |
/// | `rediss://…` | TLS, with the system's certificates or [`root_certificates`](Self::root_certificates) |
/// | `unix:///path/to/socket[?db=1&user=…&pass=…]`, `redis+unix://…` | a socket on this machine |
///
/// `valkey://`, `valkeys://` and `valkey+unix://` are the same. A character of the password that has a meaning in
/// URLs is percent-encoded. Neither `Debug` nor any error shows the address.
#[derive(Clone)]
pub struct RedisBackendBuilder {
    url: String,
    connect_timeout: Duration,
    command_timeout: Duration,
    longest_load: Duration,
    root_certificates: Option<Vec<u8>>,
}

impl RedisBackendBuilder {
    pub(super) fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            connect_timeout: Duration::from_secs(2),
            command_timeout: Duration::from_secs(1),
            longest_load: Duration::from_secs(30),
            root_certificates: None,
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

    /// Certificates, as PEM text, that are trusted instead of the system's (for `rediss://`).
    #[must_use]
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_certificates = Some(pem.into());
        self
    }

    /// Builds the backend without connecting: the first call will.
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`] where the address or the certificates cannot be read. The message does not
    /// show them.
    pub fn build(self) -> Result<RedisBackend> {
        let refuse = |what: &str| CacheError::Configuration(what.into());
        // Its own error can quote the address.
        let address = self.url.as_str().into_connection_info().map_err(|_| {
            refuse("the address is not of the form `redis://user:password@host:port/database` (also `rediss:`, `unix:`)")
        })?;
        let redis =
            address.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        let tcp = address.tcp_settings().clone().set_nodelay(true);
        let address: ConnectionInfo = address.set_redis_settings(redis).set_tcp_settings(tcp);
        // TLS asks for the process's choice of cryptography; one that the program made stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = match self.root_certificates {
            None => Client::open(address).map_err(|_| refuse("the address cannot be connected to"))?,
            Some(pem) => {
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem) };
                Client::build_with_tls(address, certificates).map_err(|_| {
                    refuse(
                        "the root certificates are not PEM, or the address is not of the form `rediss://…`",
                    )
                })?
            }
        };
        let link = Link::new(client, self.connect_timeout, self.command_timeout);
        Ok(RedisBackend::new(link, self.longest_load))
    }

    /// Builds the backend and connects.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build); and [`CacheError::Backend`] where the server cannot be reached or refuses.
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
            .finish_non_exhaustive()
    }
}
