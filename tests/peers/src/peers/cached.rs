//! `cached`: attributes for functions; each has its cache in a static.

use std::sync::Arc;

use cached::ShardedLruCache;
use cached::macros::{cached, concurrent_cached};

use crate::case::{Case, Gives, KeyOf};
use crate::numbers::{Loads, Numbers};
use crate::stampede::{Down, Loader, Stampede};
use crate::value::{ORG, Project, SLUG};

/// With neither bound nor time to live: its fastest.
#[concurrent_cached]
async fn unbound(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[concurrent_cached(key = "String", convert = { format!("project:{id}") })]
async fn unbound_text(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[concurrent_cached(key = "String", convert = { format!("project:{id}") })]
fn unbound_text_sync(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[concurrent_cached(key = "String", convert = { format!("project:{id}") })]
async fn unbound_owned_text(id: u64) -> Project {
    Project::load(id)
}

#[concurrent_cached]
async fn unbound_owned(id: u64) -> Project {
    Project::load(id)
}

#[concurrent_cached(key = "String", convert = { format!("project:{org}:{slug}:{id}") })]
async fn unbound_three(org: u64, slug: &str, id: u64) -> Arc<Project> {
    let _ = (org, slug);
    Project::load_shared(id)
}

#[concurrent_cached(key = "String", convert = { format!("project:{org}:{slug}:{id}") })]
async fn unbound_owned_three(org: u64, slug: &str, id: u64) -> Project {
    let _ = (org, slug);
    Project::load(id)
}

/// As bounded in entries and in time as ours.
#[concurrent_cached(max_size = 100_000, ttl_secs = 3600)]
async fn bounded(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[concurrent_cached(max_size = 100_000, ttl_secs = 3600, key = "String", convert = { format!("project:{id}") })]
async fn bounded_text(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[concurrent_cached(max_size = 100_000, ttl_secs = 3600, key = "String", convert = { format!("project:{id}") })]
async fn bounded_owned_text(id: u64) -> Project {
    Project::load(id)
}

#[cached(max_size = 100_000, ttl_secs = 3600)]
async fn single(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[cached(max_size = 100_000, ttl_secs = 3600, key = "String", convert = { format!("project:{id}") })]
async fn single_text(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[cached(max_size = 100_000, ttl_secs = 3600, key = "String", convert = { format!("project:{id}") })]
async fn single_owned_text(id: u64) -> Project {
    Project::load(id)
}

#[cached(max_size = 100_000, ttl_secs = 3600)]
fn single_sync(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[cached(max_size = 100_000, ttl_secs = 3600, key = "String", convert = { format!("project:{id}") })]
fn single_text_sync(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

pub(super) fn cases() -> Vec<Case> {
    use Gives::{Arc as Shared, Clone};
    use KeyOf::{Text, ThreeParts, U64};
    let plain = "cached #[concurrent_cached]";
    let bound = "cached #[concurrent_cached], LRU, TTL";
    let one = "cached #[cached], LRU, TTL";
    let one_sync = "cached #[cached], LRU, TTL, sync";
    vec![
        Case::new(plain, U64, Shared, unbound),
        Case::new(plain, U64, Clone, unbound_owned),
        Case::new(plain, Text, Shared, unbound_text),
        Case::new(plain, Text, Clone, unbound_owned_text),
        Case::sync("cached #[concurrent_cached], sync", Text, Shared, unbound_text_sync),
        Case::new(plain, ThreeParts, Shared, |id| unbound_three(ORG, SLUG, id)),
        Case::new(plain, ThreeParts, Clone, |id| unbound_owned_three(ORG, SLUG, id)),
        Case::new(bound, U64, Shared, bounded),
        Case::new(bound, Text, Shared, bounded_text),
        Case::new(bound, Text, Clone, bounded_owned_text),
        Case::new(one, U64, Shared, single),
        Case::new(one, Text, Shared, single_text),
        Case::new(one, Text, Clone, single_owned_text),
        Case::sync(one_sync, U64, Shared, single_sync),
        Case::sync(one_sync, Text, Shared, single_text_sync),
    ]
}

pub(super) fn numbers(capacity: usize) -> Numbers {
    let cache: ShardedLruCache<u64, u64> = ShardedLruCache::new(capacity);
    let loads = Loads::default();
    let counted = loads.clone();
    Numbers::sync("cached ShardedLruCache", &loads, move |id| {
        cache.get(&id).unwrap_or_else(|| {
            let value = counted.load(id);
            cache.set(id, value);
            value
        })
    })
}

/// Its single flight is an option of `#[cached]`.
#[cached(sync_writes = "by_key", key = "u64", convert = { loader.id })]
async fn by_key(loader: Loader) -> Result<u64, Down> {
    loader.load().await
}

pub(super) fn stampede(loader: &Loader) -> Stampede {
    Stampede::new("cached #[cached], by_key", loader, |loader| async move { drop(by_key(loader).await) })
}
