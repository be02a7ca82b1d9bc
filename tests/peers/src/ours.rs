//! Our annotated methods.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_runtime::{KvCacheService, cached};

use crate::case::{Case, Gives, KeyOf, Side};
use crate::nowhere;
use crate::value::{ORG, Project, SLUG};

/// A service as its author writes it.
pub struct Service {
    cache: KvCacheService,
    pub loads: AtomicU64,
}

impl Service {
    /// Over memory, with everything as it is by default.
    pub fn in_memory() -> Self {
        Self { cache: KvCacheService::in_memory(), loads: AtomicU64::new(0) }
    }

    /// Only the local tier.
    pub fn local_tier_only(entries: usize) -> Self {
        Self { cache: nowhere::local_tier_only(entries), loads: AtomicU64::new(0) }
    }

    #[cached(key = "project:<id>", ttl = 3600)]
    async fn shared(&self, id: u64) -> Arc<Project> {
        Project::load_shared(id)
    }

    #[cached(key = "owned:<id>", ttl = 3600)]
    async fn owned(&self, id: u64) -> Project {
        Project::load(id)
    }

    #[cached(key = "optional:<id>", ttl = 3600, none_ttl = 5)]
    async fn optional(&self, id: u64) -> Result<Option<Arc<Project>>, Infallible> {
        Ok(Some(Project::load_shared(id)))
    }

    #[cached(key = "project:<org>:<slug>:<id>", ttl = 3600)]
    async fn shared_of_three(&self, org: u64, slug: &str, id: u64) -> Arc<Project> {
        let _ = (org, slug);
        Project::load_shared(id)
    }

    #[cached(key = "owned:<org>:<slug>:<id>", ttl = 3600)]
    async fn owned_of_three(&self, org: u64, slug: &str, id: u64) -> Project {
        let _ = (org, slug);
        Project::load(id)
    }

    /// A value of eight bytes, and how often it was loaded.
    #[cached(key = "number:<id>", ttl = 3600)]
    pub async fn number(&self, id: u64) -> u64 {
        self.loads.fetch_add(1, Ordering::Relaxed);
        id
    }

    /// Slow, and if asked to, failing.
    #[cached(key = "slow:<id>", ttl = 3600, skip(fails))]
    pub async fn slow(&self, id: u64, fails: bool) -> Result<u64, String> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        if fails { Err("the source is down".to_owned()) } else { Ok(id) }
    }
}

/// The hits that are measured.
pub fn cases() -> Vec<Case> {
    use Gives::{Arc, Clone};
    use KeyOf::{Text, ThreeParts};
    let service: &'static Service = Box::leak(Box::new(Service::in_memory()));
    let name = "#[cached] async method";
    vec![
        Case::new(name, Text, Arc, async |id| service.shared(id).await),
        Case::new(name, Text, Clone, async |id| service.owned(id).await),
        Case::new(name, ThreeParts, Arc, async |id| service.shared_of_three(ORG, SLUG, id).await),
        Case::new(name, ThreeParts, Clone, async |id| service.owned_of_three(ORG, SLUG, id).await),
        Case::new("… Result<Option<_>, _>", Text, Arc, async |id| service.optional(id).await),
    ]
    .into_iter()
    .map(|case| case.of(Side::Ours))
    .collect()
}
