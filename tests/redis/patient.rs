//! A service on a server, which waits long: the machine may be busy, and an error is no answer here.

use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{KvCacheService, RedisBackend};

pub(crate) async fn connect(url: &str) -> KvCacheService {
    let patience = Duration::from_secs(20);
    let backend = RedisBackend::builder(url).connect_timeout(patience).command_timeout(patience);
    let backend = backend.connect().await.expect("the server answers");
    KvCacheService::builder(Arc::new(backend)).timeout(patience).build().expect("a valid prefix")
}
