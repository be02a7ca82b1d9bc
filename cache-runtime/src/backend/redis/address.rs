//! Addresses: one server, a cluster by some of its nodes, a primary by its Sentinels.

use redis::{
    Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo,
    TlsCertificates,
};

use super::cluster::{Cluster, Nodes};
use super::connection::{Limits, Link, Source};
use super::sentinel::Sentinels;
use super::servers::Servers;
use crate::error::{CacheError, Result};

/// A user and its password. Neither is ever shown.
#[derive(Clone)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: String,
}

/// Who is trusted, and by whom, beside what the address says.
#[derive(Clone, Copy)]
pub(super) struct Trust<'t> {
    /// As PEM.
    pub(super) root_certificates: Option<&'t [u8]>,
    pub(super) sentinel_credentials: Option<&'t Credentials>,
}

/// How a server is connected to: its host, or another one like it.
#[derive(Clone)]
pub(super) struct Address(Client);

impl Address {
    fn new(url: &str, root_certificates: Option<&[u8]>) -> Result<Self> {
        // Its own error can quote the address.
        let address = url.into_connection_info().map_err(|_| {
            refused("the address is not of the form `redis://user:password@host:port/database` (also `rediss:`, `unix:`)")
        })?;
        let redis =
            address.redis_settings().clone().set_protocol(ProtocolVersion::RESP3).set_skip_set_lib_name();
        let tcp = address.tcp_settings().clone().set_nodelay(true);
        let address: ConnectionInfo = address.set_redis_settings(redis).set_tcp_settings(tcp);
        // TLS asks for the process's choice of cryptography; one that the program made stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = match root_certificates {
            None => Client::open(address).map_err(|_| refused("the address cannot be connected to"))?,
            Some(pem) => {
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(pem.into()) };
                Client::build_with_tls(address, certificates).map_err(|_| {
                    refused(
                        "the root certificates are not PEM, or the address is not of the form `rediss://…`",
                    )
                })?
            }
        };
        Ok(Self(client))
    }

    /// Another server with the same credentials.
    pub(super) fn at(&self, host: &str, port: u16) -> Client {
        let info = self.0.get_connection_info();
        let address = match info.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => ConnectionAddr::TcpTls {
                host: host.into(),
                port,
                insecure: *insecure,
                tls_params: tls_params.clone(),
            },
            _ => ConnectionAddr::Tcp(host.into(), port),
        };
        // What is an address already cannot fail to be one.
        Client::open(info.clone().set_addr(address)).unwrap_or_else(|_| self.0.clone())
    }

    /// A Sentinel, which has no databases and none of the primary's users.
    fn as_sentinel(&self, credentials: Option<&Credentials>) -> Client {
        let redis =
            credentials.map_or_else(RedisConnectionInfo::default, |Credentials { user, password }| {
                RedisConnectionInfo::default().set_username(user).set_password(password)
            });
        let info = self.0.get_connection_info().clone().set_redis_settings(redis);
        Client::open(info).unwrap_or_else(|_| self.0.clone())
    }

    fn host_and_port(&self) -> Option<(String, u16)> {
        match self.0.get_connection_info().addr() {
            ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
                Some((host.clone(), *port))
            }
            _ => None,
        }
    }
}

/// What stands at an address.
pub(super) fn servers(url: &str, trust: Trust<'_>, limits: Limits) -> Result<Servers> {
    let Trust { root_certificates, sentinel_credentials } = trust;
    if let Some((scheme, rest)) = of_kind(url, "cluster") {
        let form = "a cluster's address is of the form `redis+cluster://user:password@host:port,host:port`";
        let List { credentials, hosts, path } = List::parse(rest);
        if !matches!(path, "" | "/" | "/0") {
            return Err(refused("a cluster has no database but 0"));
        }
        let address =
            |host: &&str| Address::new(&format!("{scheme}://{credentials}{host}"), root_certificates);
        let nodes = hosts.iter().map(address).collect::<Result<Vec<_>>>().map_err(|_| refused(form))?;
        let seeds = nodes.iter().map(Address::host_and_port).collect::<Option<Vec<_>>>();
        let (Some(seeds), Some(like)) = (seeds, nodes.into_iter().next()) else { return Err(refused(form)) };
        return Ok(Servers::Cluster(Cluster::new(Nodes { seeds, like, limits }).into()));
    }
    let source = if let Some((scheme, rest)) = of_kind(url, "sentinel") {
        let form = "the address of Sentinels is of the form \
                    `redis+sentinel://user:password@host:port,host:port/primary-name/database`";
        let List { credentials, hosts, path } = List::parse(rest);
        let (name, database) =
            path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_matches('/'), ""));
        if name.is_empty() {
            return Err(refused(form));
        }
        let sentinel = |host: &&str| {
            let host = if host.contains(':') { (*host).to_owned() } else { format!("{host}:26379") };
            Ok(Address::new(&format!("{scheme}://{host}"), root_certificates)?
                .as_sentinel(sentinel_credentials))
        };
        let clients = hosts.iter().map(sentinel).collect::<Result<Vec<_>>>().map_err(|_| refused(form))?;
        let like = format!("{scheme}://{credentials}localhost/{database}");
        let like = Address::new(&like, root_certificates).map_err(|_| refused(form))?;
        Source::Sentinels(Sentinels::new(clients, name.into(), like))
    } else {
        Source::Server(Address::new(url, root_certificates)?.0)
    };
    Ok(Servers::One(Link::new(source, limits, true).into()))
}

fn refused(what: &str) -> CacheError {
    CacheError::Configuration(what.into())
}

/// The scheme of a single server, and what follows, where the address is of this kind.
fn of_kind<'u>(url: &'u str, kind: &str) -> Option<(&'u str, &'u str)> {
    let (scheme, rest) = url.split_once("://")?;
    Some((scheme.strip_suffix(kind)?.strip_suffix('+')?, rest))
}

/// `credentials@host,host/path`.
struct List<'u> {
    /// With the sign that ends them.
    credentials: &'u str,
    hosts: Vec<&'u str>,
    path: &'u str,
}

impl<'u> List<'u> {
    fn parse(rest: &'u str) -> Self {
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let (credentials, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        Self { credentials, hosts: hosts.split(',').filter(|host| !host.is_empty()).collect(), path }
    }
}
