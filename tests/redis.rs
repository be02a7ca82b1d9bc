//! Redis and Valkey, on real servers that the tests start and end.
//!
//! Where a server's program is missing, a test says `skipped: why` and passes; `tests/run` installs both.

#[path = "redis/addresses.rs"]
mod addresses;
#[path = "redis/batches.rs"]
mod batches;
#[path = "redis/cluster.rs"]
mod cluster;
#[path = "redis/elsewhere.rs"]
mod elsewhere;
#[path = "redis/faults.rs"]
mod faults;
#[path = "redis/kinds.rs"]
mod kinds;
#[path = "redis/looks.rs"]
mod looks;
#[path = "redis/lost.rs"]
mod lost;
#[path = "redis/payloads.rs"]
mod payloads;
#[path = "redis/plain.rs"]
mod plain;
#[path = "redis/processes.rs"]
mod processes;
#[path = "redis/proxy.rs"]
mod proxy;
#[path = "redis/pushes.rs"]
mod pushes;
#[path = "redis/sentinel.rs"]
mod sentinel;
#[path = "redis/server.rs"]
mod server;
#[path = "redis/several.rs"]
mod several;
#[path = "redis/stress.rs"]
mod stress;
#[path = "redis/whole.rs"]
mod whole;

/// The contract of backends on one kind of server, in a database of its own for each guarantee.
mod contract_subject {
    use std::time::Duration;

    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::{LocalKvNamespace, RedisBackend};

    use crate::server::{Kind, database};

    pub(crate) async fn subject(kind: Kind) -> Subject {
        match database(kind) {
            Some((server, database)) => {
                // Soon enough for a test to see an abandoned lease end.
                let builder =
                    RedisBackend::builder(&server.url(database)).longest_load(Duration::from_secs(2));
                Subject::new(builder.connect().await.expect("the server answers"), Time::Real)
            }
            // A test cannot end as skipped: memory stands in, and a line says so.
            None => Subject::new(LocalKvNamespace::new(), Time::Real),
        }
    }
}

/// The contract on a cluster of three primaries.
mod on_a_cluster {
    use std::time::Duration;

    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::{LocalKvNamespace, RedisBackend};

    use crate::cluster::shared;
    use crate::server::Kind;

    async fn subject_on(kind: Kind) -> Subject {
        let Some(nodes) = shared(kind).await else {
            return Subject::new(LocalKvNamespace::new(), Time::Real);
        };
        let builder = RedisBackend::builder(&nodes.url()).longest_load(Duration::from_secs(2));
        Subject::new(builder.connect().await.expect("the cluster answers"), Time::Real)
    }

    mod of_redis {
        async fn subject() -> cache_runtime::contract::Subject {
            super::subject_on(crate::server::Kind::Redis).await
        }

        cache_runtime::backend_contract!(subject);
    }

    mod of_valkey {
        async fn subject() -> cache_runtime::contract::Subject {
            super::subject_on(crate::server::Kind::Valkey).await
        }

        cache_runtime::backend_contract!(subject);
    }
}

/// The contract on Redis.
mod on_redis {
    use cache_runtime::contract::Subject;

    async fn subject() -> Subject {
        crate::contract_subject::subject(crate::server::Kind::Redis).await
    }

    cache_runtime::backend_contract!(subject);
}

/// The contract in plain mode.
mod in_plain_mode {
    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::{LocalKvNamespace, RedisBackend};

    use crate::server::{Kind, database};

    async fn subject() -> Subject {
        let Some((server, database)) = database(Kind::Redis) else {
            return Subject::new(LocalKvNamespace::new(), Time::Real);
        };
        let backend = RedisBackend::builder(&server.url(database)).connect().await;
        Subject::new(backend.expect("the server answers").plain(), Time::Real)
    }

    cache_runtime::backend_contract!(subject);
}

/// The contract on Valkey.
mod on_valkey {
    use cache_runtime::contract::Subject;

    async fn subject() -> Subject {
        crate::contract_subject::subject(crate::server::Kind::Valkey).await
    }

    cache_runtime::backend_contract!(subject);
}
