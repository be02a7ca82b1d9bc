//! `multi-tier-cache`: its tier in memory alone, typed calls; values are JSON.

use std::sync::Arc;

use multi_tier_cache::{CacheError, CacheManager, CacheStrategy, CacheTier, MokaCache, MokaCacheConfig};

use crate::case::{Case, Gives, KeyOf};
use crate::stampede::{Loader, Stampede};
use crate::value::{CAPACITY, Project, text, three_parts};

fn manager() -> Arc<CacheManager> {
    let config = MokaCacheConfig { max_capacity: CAPACITY.into(), ..MokaCacheConfig::default() };
    let moka = Arc::new(MokaCache::new(config).expect("a valid configuration"));
    let tiers = vec![CacheTier::new(moka, 1, false, 1, 1.0)];
    Arc::new(CacheManager::new_with_tiers(tiers, None).expect("one tier"))
}

async fn get(manager: &CacheManager, key: String, id: u64) -> Project {
    let load = || async move { Ok(Project::load(id)) };
    manager.get_or_compute_typed(&key, CacheStrategy::MediumTerm, load).await.expect("nothing fails")
}

pub(super) fn cases() -> Vec<Case> {
    let name = "multi-tier-cache typed";
    let (by_text, by_three) = (manager(), manager());
    vec![
        Case::new(name, KeyOf::Text, Gives::Clone, async move |id| get(&by_text, text(id), id).await),
        Case::new(name, KeyOf::ThreeParts, Gives::Clone, async move |id| {
            get(&by_three, three_parts(id), id).await
        }),
    ]
}

pub(super) fn stampede(loader: &Loader) -> Stampede {
    let manager = manager();
    Stampede::new("multi-tier-cache typed", loader, move |loader| {
        let manager = Arc::clone(&manager);
        async move {
            let load = || async move {
                loader.load().await.map_err(|error| CacheError::InternalError(error.to_string()))
            };
            drop(manager.get_or_compute_typed::<u64, _, _>("1", CacheStrategy::MediumTerm, load).await);
        }
    })
}
