//! Who is put under stress: a service with the attributes, and the same cache-aside by hand.

use std::convert::Infallible;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{Backend, KvCacheService, LocalTier, cached, invalidates, updates};

use super::database::{Commit, Database};

const ANSWERS: &str = "the cache answers";

/// Which cached method reads a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Item,
    /// Of a short life.
    Brief,
    /// There or not.
    Maybe,
}

/// How a row is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Invalidates,
    InvalidatesByResult,
    Updates,
    Delete,
    DeleteMany,
    Clear,
    /// Only by one writer at a time: of two who set by hand, the cache cannot know which is the later.
    Set,
}

impl How {
    /// Whether the writer may be dropped: by hand, nobody invalidates then.
    pub(crate) fn may_be_dropped(self) -> bool {
        matches!(self, Self::Invalidates | Self::Updates)
    }
}

/// A cache before a database.
pub(crate) trait Subject: Send + Sync + 'static {
    /// Reads a row, as one of several processes.
    fn read(&self, process: u64, kind: Kind, row: u64) -> impl Future<Output = Option<u64>> + Send;

    /// Writes a row and makes what is cached of it stale.
    fn write(&self, process: u64, how: How, row: u64, commit: Commit) -> impl Future<Output = u64> + Send;
}

/// Two services with the attributes, over one cache.
pub(crate) struct Cached([Service; 2]);

struct Service {
    cache: KvCacheService,
    database: Arc<Database>,
}

impl Cached {
    /// The two, each by its own handle to the cache; in memory each with a local tier that is too small.
    #[expect(clippy::needless_pass_by_value, reason = "as the other subject's")]
    pub(crate) fn new(
        database: Arc<Database>,
        backends: [Arc<dyn Backend>; 2],
        write_timeout: Duration,
    ) -> Self {
        Self(backends.map(|backend| {
            let in_process = backend.capabilities().in_process;
            let cache = KvCacheService::builder(backend).write_timeout(write_timeout);
            let cache = if in_process { cache.local_tier(LocalTier::new(8)) } else { cache };
            let cache = cache.build().expect("a valid prefix");
            Service { cache, database: Arc::clone(&database) }
        }))
    }

    fn service(&self, process: u64) -> &Service {
        &self.0[usize::from(process % 2 == 1)]
    }
}

impl Service {
    #[cached(key = "item:<row>", ttl = 300)]
    async fn item(&self, row: u64) -> u64 {
        self.database.load(row).await
    }

    #[cached(key = "brief:<row>", ttl = "2ms")]
    async fn brief(&self, row: u64) -> Result<u64, Infallible> {
        Ok(self.database.load(row).await)
    }

    #[cached(key = "maybe:<row>", ttl = 300, none_ttl = 300)]
    async fn maybe(&self, row: u64) -> Option<u64> {
        self.database.load_maybe(row).await
    }

    #[invalidates("item:<row>", "brief:<row>", "maybe:<row>")]
    async fn change(&self, row: u64, commit: Commit) -> u64 {
        let _ = row;
        commit.land().await
    }

    #[invalidates("item:<ret.row>", "brief:<ret.row>", "maybe:<ret.row>")]
    async fn change_by_result(&self, row: u64, commit: Commit) -> Written {
        Written { row, value: commit.land().await }
    }

    #[updates("item:<row>")]
    #[invalidates("brief:<row>", "maybe:<row>")]
    async fn replace(&self, row: u64, commit: Commit) -> u64 {
        let _ = row;
        commit.land().await
    }
}

struct Written {
    row: u64,
    value: u64,
}

impl Subject for Cached {
    async fn read(&self, process: u64, kind: Kind, row: u64) -> Option<u64> {
        let service = self.service(process);
        match kind {
            Kind::Item => Some(service.item(row).await),
            Kind::Brief => service.brief(row).await.ok(),
            Kind::Maybe => service.maybe(row).await,
        }
    }

    async fn write(&self, process: u64, how: How, row: u64, commit: Commit) -> u64 {
        let service = self.service(process);
        let cache = &service.cache;
        let keys = [Service::item_key(row), Service::brief_key(row), Service::maybe_key(row)];
        match how {
            How::Invalidates => service.change(row, commit).await,
            How::InvalidatesByResult => service.change_by_result(row, commit).await.value,
            How::Updates => service.replace(row, commit).await,
            How::Delete => {
                let value = commit.land().await;
                for key in keys {
                    cache.delete(key).await.expect(ANSWERS);
                }
                value
            }
            How::DeleteMany => {
                let value = commit.land().await;
                cache.delete_many(keys).await.expect(ANSWERS);
                value
            }
            How::Clear => {
                let value = commit.land().await;
                cache.clear().await.expect(ANSWERS);
                value
            }
            How::Set => {
                let value = commit.land().await;
                let [item, brief, maybe] = keys;
                let _ = cache.set(item, &value, 300).await.expect(ANSWERS);
                let _ = cache.set(brief, &value, Duration::from_millis(2)).await.expect(ANSWERS);
                cache.delete(maybe).await.expect(ANSWERS);
                value
            }
        }
    }
}

/// The control: look, load, set; write, delete.
pub(crate) struct ByHand {
    cache: KvCacheService,
    database: Arc<Database>,
}

impl ByHand {
    pub(crate) fn new(database: Arc<Database>, cache: KvCacheService) -> Self {
        Self { cache, database }
    }
}

impl Subject for ByHand {
    async fn read(&self, _: u64, kind: Kind, row: u64) -> Option<u64> {
        let (key, ttl) = match kind {
            Kind::Item => (format!("item:{row}"), Duration::from_secs(300)),
            Kind::Brief => (format!("brief:{row}"), Duration::from_millis(2)),
            Kind::Maybe => (format!("maybe:{row}"), Duration::from_secs(300)),
        };
        if let Some(found) = self.cache.get::<Option<u64>>(key.as_str()).await.expect(ANSWERS) {
            return found;
        }
        let loaded = match kind {
            Kind::Maybe => self.database.load_maybe(row).await,
            Kind::Item | Kind::Brief => Some(self.database.load(row).await),
        };
        let _ = self.cache.set(key.as_str(), &loaded, ttl).await.expect(ANSWERS);
        loaded
    }

    async fn write(&self, _: u64, _: How, row: u64, commit: Commit) -> u64 {
        let value = commit.land().await;
        for kind in ["item", "brief", "maybe"] {
            self.cache.delete(format!("{kind}:{row}").as_str()).await.expect(ANSWERS);
        }
        value
    }
}
