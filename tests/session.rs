//! Sessions: on memory by a clock that the tests move, on a backend that lets others come between any two steps, on
//! one whose changes are not atomic, and on a real Redis.

#[path = "session/attacks.rs"]
mod attacks;
#[path = "session/backend.rs"]
mod backend;
#[path = "session/concurrent.rs"]
mod concurrent;
#[path = "session/life.rs"]
mod life;
#[path = "session/on_redis.rs"]
mod on_redis;
#[path = "redis/patient.rs"]
mod patient;
#[path = "session/rotation.rs"]
mod rotation;
#[expect(dead_code, reason = "these tests need a server and no more")]
#[path = "redis/server.rs"]
mod server;
#[path = "session/tower.rs"]
mod tower_sessions_store;
#[path = "session/weak.rs"]
mod weak;

use std::sync::Arc;

use cache_runtime::testing::ManualClock;
use cache_runtime::{Backend, KvCacheService, LocalKvNamespace, SessionStore};

/// A service on a backend, on a clock that the test moves.
fn service(time: &ManualClock, backend: Arc<dyn Backend>) -> KvCacheService {
    KvCacheService::builder(backend).clock(time.clock()).build().expect("a valid prefix")
}

/// Memory on a clock that the test moves.
fn in_memory() -> (ManualClock, KvCacheService) {
    let time = ManualClock::new();
    let namespace = LocalKvNamespace::builder().clock(time.clock()).build();
    (time.clone(), service(&time, Arc::new(namespace)))
}

/// A store of numbers: half an hour idle, twelve hours in all.
fn store(cache: &KvCacheService) -> SessionStore<u64> {
    SessionStore::builder(cache).build().expect("it can be built")
}

/// What is in the session of a token, if it is open.
async fn data(sessions: &SessionStore<u64>, token: &str) -> Option<u64> {
    sessions.get(token).await.expect("the backend answers").map(|session| session.data)
}
