//! The contract of backends, on the ones that need no server; and what is special to the one in memory.

#[path = "contract/broken.rs"]
mod broken;
#[expect(dead_code, reason = "its `main` runs as an example")]
#[path = "../examples/directory_backend.rs"]
mod directory_backend;
#[path = "contract/memory.rs"]
mod memory;
#[path = "contract/model.rs"]
mod model;
#[path = "contract/provided.rs"]
mod provided;

/// Memory, on a clock that the tests move.
mod on_memory {
    use cache_runtime::LocalKvNamespace;
    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::testing::ManualClock;

    async fn subject() -> Subject {
        let time = ManualClock::new();
        Subject::new(LocalKvNamespace::builder().clock(time.clock()).build(), Time::Manual(time))
    }

    cache_runtime::backend_contract!(subject);
}

/// Memory as Cloudflare would have it: no time to live under a minute.
mod on_memory_with_cloudflare_limits {
    use cache_runtime::LocalKvNamespace;
    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::testing::ManualClock;

    async fn subject() -> Subject {
        let time = ManualClock::new();
        let namespace = LocalKvNamespace::builder().clock(time.clock()).cloudflare_limits().build();
        Subject::new(namespace, Time::Manual(time))
    }

    cache_runtime::backend_contract!(subject);
}

/// The example of a user's own backend, which leaves all that it can to the provided methods.
mod on_a_directory {
    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::testing::ManualClock;

    use crate::directory_backend::DirectoryBackend;

    async fn subject() -> Subject {
        let time = ManualClock::new();
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        let backend = DirectoryBackend { root: directory.path().into(), clock: time.clock() };
        Subject::new(backend, Time::Manual(time)).keeping(directory)
    }

    cache_runtime::backend_contract!(subject);
}

/// Memory that counts its quotas by compare-and-set, as a user's own backend may.
mod on_memory_by_the_provided_methods {
    use cache_runtime::LocalKvNamespace;
    use cache_runtime::contract::{Subject, Time};
    use cache_runtime::testing::ManualClock;

    use crate::provided::Provided;

    async fn subject() -> Subject {
        let time = ManualClock::new();
        let inner = LocalKvNamespace::builder().clock(time.clock()).build();
        Subject::new(Provided(inner), Time::Manual(time))
    }

    cache_runtime::backend_contract!(subject);
}

/// What has to do with time, on a clock that nobody moves.
mod in_real_time {
    use cache_runtime::LocalKvNamespace;
    use cache_runtime::contract::{Subject, Time, barriers, counters, ttl};

    fn subject() -> Subject {
        Subject::new(LocalKvNamespace::new(), Time::Real)
    }

    #[tokio::test]
    async fn a_value_is_there_until_its_time_is_over() {
        ttl::a_value_is_there_until_its_time_is_over(&subject()).await;
    }

    #[tokio::test]
    async fn a_counter_keeps_its_ttl() {
        counters::a_counter_keeps_its_ttl(&subject()).await;
    }

    #[tokio::test]
    async fn the_barrier_of_a_dead_writer_ends_by_itself() {
        barriers::the_barrier_of_a_dead_writer_ends_by_itself(&subject()).await;
    }
}
