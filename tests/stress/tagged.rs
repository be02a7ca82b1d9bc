//! The subject whose rows are made stale by their tag, or with all others at once; and the same by hand.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use cache_runtime::{Backend, KvCacheService, LocalTier, cached, invalidates, updates};

use super::database::{Commit, Database};
use super::subjects::{How, Kind, Subject};

const ANSWERS: &str = "the cache answers";

/// Two services with the attributes, over one cache whose prefix has a generation.
pub(crate) struct Tagged([Service; 2]);

struct Service {
    cache: KvCacheService,
    database: Arc<Database>,
}

impl Tagged {
    /// As [`Cached::new`](super::subjects::Cached::new).
    #[expect(clippy::needless_pass_by_value, reason = "as the other subject's")]
    pub(crate) fn new(
        database: Arc<Database>,
        backends: [Arc<dyn Backend>; 2],
        write_timeout: Duration,
    ) -> Self {
        Self(backends.map(|backend| {
            let in_process = backend.capabilities().in_process;
            let cache = KvCacheService::builder(backend).write_timeout(write_timeout).prefix_generation(true);
            let cache = if in_process { cache.local_tier(LocalTier::new(8)) } else { cache };
            let cache = cache.build().expect("a valid prefix");
            Service { cache, database: Arc::clone(&database) }
        }))
    }

    fn service(&self, process: u64) -> &Service {
        &self.0[usize::from(process % 2 == 1)]
    }
}

#[cache_runtime::cache_tag("row:<row>")]
fn row_tag(row: u64);

#[cache_runtime::caching]
impl Service {
    #[cached(key = "item:<row>", ttl = 300, tags = [row_tag(row), "rows"])]
    async fn item(&self, row: u64) -> u64 {
        self.database.load(row).await
    }

    #[cached(key = "brief:<row>", ttl = "2ms", tags = [row_tag(row), "rows"])]
    async fn brief(&self, row: u64) -> Result<u64, Infallible> {
        Ok(self.database.load(row).await)
    }

    #[cached(key = "maybe:<row>", ttl = 300, none_ttl = 300, tags = [row_tag(row), "rows"])]
    async fn maybe(&self, row: u64) -> Option<u64> {
        self.database.load_maybe(row).await
    }

    #[invalidates(tags = [row_tag(row)])]
    async fn change(&self, row: u64, commit: Commit) -> u64 {
        let _ = row;
        commit.land().await
    }

    #[invalidates(tags = [row_tag(ret.row)])]
    async fn change_by_result(&self, row: u64, commit: Commit) -> Written {
        Written { row, value: commit.land().await }
    }

    #[invalidates(tags = ["rows"])]
    async fn change_all(&self, commit: Commit) -> u64 {
        commit.land().await
    }

    #[updates("item:<row>", tags = [row_tag(row), "rows"])]
    #[invalidates("brief:<row>", "maybe:<row>")]
    async fn replace(&self, row: u64, commit: Commit) -> u64 {
        let _ = row;
        commit.land().await
    }

    #[invalidates("item:<row>", "brief:<row>", "maybe:<row>")]
    async fn change_by_keys(&self, row: u64, commit: Commit) -> u64 {
        let _ = row;
        commit.land().await
    }
}

struct Written {
    row: u64,
    value: u64,
}

impl Subject for Tagged {
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
        match how {
            How::Invalidates if row.is_multiple_of(8) => service.change_all(commit).await,
            How::Invalidates => service.change(row, commit).await,
            How::InvalidatesByResult => service.change_by_result(row, commit).await.value,
            How::Updates => service.replace(row, commit).await,
            How::Set => service.change_by_keys(row, commit).await,
            How::Delete | How::DeleteMany => {
                let value = commit.land().await;
                service.cache.invalidate_tag(row_tag(row)).await.expect(ANSWERS);
                value
            }
            How::Clear => {
                let value = commit.land().await;
                service.cache.invalidate_all().await.expect(ANSWERS);
                value
            }
        }
    }
}

/// The control: a generation for each row, which is read when the value is stored.
pub(crate) struct TaggedByHand {
    cache: KvCacheService,
    database: Arc<Database>,
}

impl TaggedByHand {
    pub(crate) fn new(database: Arc<Database>, cache: KvCacheService) -> Self {
        Self { cache, database }
    }

    async fn generation(&self, row: u64) -> i64 {
        let key = format!("generation:{row}");
        self.cache.get::<i64>(key.as_str()).await.expect(ANSWERS).unwrap_or_default()
    }
}

impl Subject for TaggedByHand {
    async fn read(&self, _: u64, _: Kind, row: u64) -> Option<u64> {
        let key = format!("item:{row}");
        let found = self.cache.get::<(u64, i64)>(key.as_str()).await.expect(ANSWERS);
        let generation = self.generation(row).await;
        if let Some((value, _)) = found.filter(|(_, of_value)| *of_value == generation) {
            return Some(value);
        }
        let loaded = self.database.load(row).await;
        let stored = (loaded, self.generation(row).await);
        let _ = self.cache.set(key.as_str(), &stored, 300).await.expect(ANSWERS);
        Some(loaded)
    }

    async fn write(&self, _: u64, _: How, row: u64, commit: Commit) -> u64 {
        let value = commit.land().await;
        self.cache.increment(format!("generation:{row}").as_str(), 1).await.expect(ANSWERS);
        value
    }
}
