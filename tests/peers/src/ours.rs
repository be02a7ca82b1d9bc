//! Our annotated methods.

use std::convert::Infallible;
use std::sync::Arc;

use cache_runtime::{KvCacheService, cached};

use crate::case::{Case, Gives, KeyOf, Side};
use crate::nowhere;
use crate::numbers::{Loads, Numbers};
use crate::stampede::{Down, Loader};
use crate::value::{ORG, Project, SLUG};

/// A service as its author writes it.
pub struct Service {
    cache: KvCacheService,
}

impl Service {
    /// Over memory, with everything as it is by default.
    pub fn in_memory() -> Self {
        Self { cache: KvCacheService::in_memory() }
    }

    /// Only the local tier.
    pub fn local_tier_only(entries: usize) -> Self {
        Self { cache: nowhere::local_tier_only(entries) }
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

    /// Slow, and if so asked, failing.
    #[cached(key = "slow:<id>", ttl = 3600, skip(loader))]
    pub async fn slow(&self, id: u64, loader: &Loader) -> Result<u64, Down> {
        loader.load().await
    }

    /// Small.
    #[cached(key = "number:<id>", ttl = 3600, skip(loads))]
    pub async fn number(&self, id: u64, loads: &Loads) -> u64 {
        loads.load(id)
    }
}

/// Only the local tier, of so many entries.
pub fn numbers(capacity: usize) -> Numbers {
    let (service, loads) = (Service::local_tier_only(capacity), Loads::default());
    let counted = loads.clone();
    Numbers::new("local tier, #[cached]", &loads, async move |id| service.number(id, &counted).await)
}

/// The hits that are measured.
pub fn cases() -> Vec<Case> {
    use Gives::{Arc, Clone};
    use KeyOf::{Text, ThreeParts};
    let service: &'static Service = Box::leak(Box::new(Service::in_memory()));
    let name = "#[cached] async method";
    vec![
        Case::new(name, Text, Arc, |id| service.shared(id)),
        Case::new(name, Text, Clone, |id| service.owned(id)),
        Case::new(name, ThreeParts, Arc, |id| service.shared_of_three(ORG, SLUG, id)),
        Case::new(name, ThreeParts, Clone, |id| service.owned_of_three(ORG, SLUG, id)),
        Case::new("… Result<Option<_>, _>", Text, Arc, |id| service.optional(id)),
    ]
    .into_iter()
    .map(|case| case.of(Side::Ours))
    .collect()
}
