//! What only a real server shows.

use std::time::Duration;

use cache_runtime::{CacheError, SessionStore};
use redis::AsyncCommands;

use crate::patient::connect;
use crate::server::{Kind, Server, database};
use crate::{data, store};

#[tokio::test]
async fn a_session_on_redis_lives_and_ends_by_the_servers_clock() {
    for kind in [Kind::Redis, Kind::Valkey] {
        let Some((server, number)) = database(kind) else { continue };
        let cache = connect(&server.url(number)).await;
        let sessions = SessionStore::<u64>::builder(&cache).idle_timeout(Duration::from_millis(1_800));
        let sessions = sessions.build().expect("it can be built");
        let (used, unused) = (sessions.create(&1).await, sessions.create_for("ada", &2).await);
        let (used, unused) = (used.expect("it answers"), unused.expect("it answers"));
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(600)).await;
            assert_eq!(data(&sessions, used.expose()).await, Some(1));
        }
        assert_eq!(data(&sessions, unused.expose()).await, None);
        let mut client = server.client(number).await;
        let keys: Vec<String> =
            redis::cmd("KEYS").arg("*").query_async(&mut client).await.expect("it answers");
        for key in keys {
            let life: i64 = client.pttl(&key).await.expect("it answers");
            assert!(life != -1 && !key.contains(used.expose()), "{key}");
        }
    }
}

#[tokio::test]
async fn a_restart_logs_nobody_out_and_while_the_server_is_down_nobody_is_said_to_be() {
    let Some(server) = Server::start(Kind::Redis, &[]) else { return };
    let sessions = store(&connect(&server.url(0)).await);
    let token = sessions.create_for("ada", &7).await.expect("it answers");
    let _: () = redis::cmd("SAVE").query_async(&mut server.client(0).await).await.expect("it saves");
    server.kill();
    let error = sessions.get(token.expose()).await.expect_err("the server is down");
    assert!(matches!(error, CacheError::Backend { operation: "session.get", .. }), "{error}");
    server.restart();
    for _ in 0..200 {
        match sessions.get(token.expose()).await {
            Ok(found) => {
                assert_eq!(found.map(|session| session.data), Some(7));
                return;
            }
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    panic!("the store did not recover");
}
