//! Opens the client's connection over a stream of ours.

use std::io;
use std::pin::Pin;

use futures_util::future::select_ok;
use redis::aio::{AsyncStream, MultiplexedConnection};
use redis::io::tcp::TcpSettings;
use redis::{AsyncConnectionConfig, Client, ConnectionAddr, RedisResult};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::AbortHandle;

use super::flat::Flat;

type Stream = Pin<Box<dyn AsyncStream + Send>>;

/// An open connection, which is closed when this is dropped.
pub(super) struct Dialed {
    connection: MultiplexedConnection,
    /// Nothing where the client has spawned it, and ends it itself.
    driver: Option<AbortHandle>,
}

impl Dialed {
    pub(super) fn connection(&self) -> MultiplexedConnection {
        self.connection.clone()
    }
}

impl Drop for Dialed {
    fn drop(&mut self) {
        if let Some(driver) = &self.driver {
            driver.abort();
        }
    }
}

/// Connects as the client would itself, but that lists of strings come flattened.
///
/// With TLS they do not: the client's stream cannot be had without its connection.
pub(super) async fn dial(client: &Client, config: AsyncConnectionConfig) -> RedisResult<Dialed> {
    let info = client.get_connection_info();
    let stream: Stream = match info.addr() {
        ConnectionAddr::Tcp(host, port) => Box::pin(tcp(host, *port, info.tcp_settings()).await?),
        #[cfg(unix)]
        ConnectionAddr::Unix(path) => Box::pin(tokio::net::UnixStream::connect(path).await?),
        _ => {
            let connection = client.get_multiplexed_async_connection_with_config(&config).await?;
            return Ok(Dialed { connection, driver: None });
        }
    };
    let (connection, driver) =
        MultiplexedConnection::new_with_config(info.redis_settings(), Flat::new(stream), config).await?;
    Ok(Dialed { connection, driver: Some(tokio::spawn(driver).abort_handle()) })
}

/// Connects to all addresses of the host at once; the first to answer is it.
async fn tcp(host: &str, port: u16, settings: &TcpSettings) -> io::Result<TcpStream> {
    let mut attempts = lookup_host((host, port)).await?.map(|at| Box::pin(TcpStream::connect(at))).peekable();
    if attempts.peek().is_none() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let (stream, _) = select_ok(attempts).await?;
    // Of its settings an address names no other.
    stream.set_nodelay(settings.nodelay())?;
    Ok(stream)
}
