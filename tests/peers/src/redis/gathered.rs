//! A simple way to gather reads into `MGET` with this client: no lease, no epoch, no limit of time, no care for who goes
//! away. It shows what those cost a cache that has them.

use std::sync::Arc;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::Remote;
use crate::value::{Project, TTL};

/// As many commands at once, and keys in each, as ours has at most.
const IN_FLIGHT: usize = 4;
const MOST_KEYS: usize = 256;

type Asked = (String, oneshot::Sender<Option<Vec<u8>>>);

/// One task gathers what waits, up to four send it.
pub async fn by_hand(url: &str) -> Remote {
    let client = redis::Client::open(url).expect("it is an address");
    let config = redis::AsyncConnectionConfig::new().set_response_timeout(None);
    let opened = client.get_multiplexed_async_connection_with_config(&config).await;
    let connection = opened.expect("the server answers");
    let (asking, asked) = mpsc::unbounded_channel::<Asked>();
    tokio::spawn(gather(asked, connection.clone()));
    Remote::new("redis-rs by hand, gathered into MGET, JSON", move |id| {
        let (asking, mut connection) = (asking.clone(), connection.clone());
        async move {
            let (answer, awaited) = oneshot::channel();
            asking.send((format!("gathered:{id}"), answer)).expect("somebody gathers");
            let found = awaited.await.expect("somebody answers");
            if let Some(project) = found.and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                return project;
            }
            let project = Project::load(id);
            let bytes = serde_json::to_vec(&project).expect("it can be encoded");
            let key = format!("gathered:{id}");
            let _: () = connection.set_ex(&key, bytes, TTL).await.expect("the server answers");
            project
        }
    })
}

async fn gather(mut asked: mpsc::UnboundedReceiver<Asked>, connection: MultiplexedConnection) {
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("it is not closed");
        let mut batch = Vec::with_capacity(MOST_KEYS);
        if asked.recv_many(&mut batch, MOST_KEYS).await == 0 {
            return;
        }
        let mut connection = connection.clone();
        tokio::spawn(async move {
            let mut command = redis::cmd("MGET");
            for (key, _) in &batch {
                command.arg(key);
            }
            let found: Vec<Option<Vec<u8>>> =
                command.query_async(&mut connection).await.expect("the server answers");
            for ((_, answer), found) in batch.into_iter().zip(found) {
                let _ = answer.send(found);
            }
            drop(place);
        });
    }
}
