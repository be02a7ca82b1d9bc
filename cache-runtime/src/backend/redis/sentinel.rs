//! The primary that Sentinels name: asked of all of them when a connection opens, and never believed of a replica.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::{AsyncConnectionConfig, Client, RedisError};

use super::address::Address;
use super::fault::Fault;
use super::live::Live;

/// The Sentinels of a primary.
pub(super) struct Sentinels {
    clients: Vec<Client>,
    /// What they call the primary.
    name: String,
    /// How the primary is connected to, wherever it is.
    like: Address,
}

impl Sentinels {
    pub(super) fn new(clients: Vec<Client>, name: String, like: Address) -> Self {
        Self { clients, name, like }
    }

    /// Asks all at once, and connects to the first server named that is no replica: one of them may not have heard
    /// of a failover yet.
    pub(super) async fn open(&self, epochs: bool) -> Result<Live, Fault> {
        let mut named: FuturesUnordered<_> = self.clients.iter().map(|client| self.ask(client)).collect();
        let mut tried = Vec::new();
        let mut why = Fault::Unreachable("there is no Sentinel".into());
        while let Some(answer) = named.next().await {
            let address = match answer {
                Ok(Some(address)) if !tried.contains(&address) => address,
                Ok(Some(_)) => continue,
                Ok(None) => {
                    why = Fault::Unreachable("a Sentinel knows no primary of that name".into());
                    continue;
                }
                Err(fault) => {
                    if tried.is_empty() {
                        why = fault;
                    }
                    continue;
                }
            };
            match Live::open(&self.like.at(&address.0, address.1), epochs).await {
                Ok(live) if !live.is_replica => return Ok(live),
                Ok(_) => why = Fault::Unreachable("the server that a Sentinel names is a replica".into()),
                Err(fault) => why = fault,
            }
            tried.push(address);
        }
        Err(why)
    }

    /// Where one says that the primary is.
    async fn ask(&self, client: &Client) -> Result<Option<(String, u16)>, Fault> {
        let config = AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let opened = client.get_multiplexed_async_connection_with_config(&config).await;
        let mut connection = opened.map_err(|error| refused(&error))?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(&self.name);
        question.query_async(&mut connection).await.map_err(|error| refused(&error))
    }
}

/// Why one did not say it.
fn refused(error: &RedisError) -> Fault {
    match Fault::of_connect(error) {
        Fault::Server(code) if matches!(code.as_str(), "NOAUTH" | "WRONGPASS") => Fault::Unreachable(
            "a Sentinel does not know the user or the password; set \
             `RedisBackendBuilder::sentinel_credentials`"
                .into(),
        ),
        fault => fault,
    }
}
