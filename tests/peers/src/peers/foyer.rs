//! `foyer`: a library; its cache in memory has no time to live.

use std::convert::Infallible;
use std::sync::Arc;

use foyer::{Cache, CacheBuilder, EvictionConfig, LruConfig, S3FifoConfig};

use crate::case::{Case, Gives, KeyOf};
use crate::numbers::{Loads, Numbers};
use crate::stampede::{Loader, Stampede};
use crate::value::{CAPACITY, Project, text, three_parts};

fn cache<V: Send + Sync + 'static>() -> Cache<String, V> {
    CacheBuilder::new(CAPACITY as usize).build()
}

async fn shared(id: u64) -> Result<Arc<Project>, Infallible> {
    Ok(Project::load_shared(id))
}

async fn owned(id: u64) -> Result<Project, Infallible> {
    Ok(Project::load(id))
}

pub(super) fn cases() -> Vec<Case> {
    use Gives::{Arc as Shared, Clone};
    use KeyOf::{Text, ThreeParts, U64};
    let name = "foyer get_or_fetch";
    let by_id: Cache<u64, Arc<Project>> = CacheBuilder::new(CAPACITY as usize).build();
    let owned_by_id: Cache<u64, Project> = CacheBuilder::new(CAPACITY as usize).build();
    let (by_text, by_three) = (cache(), cache());
    let (owned_by_text, owned_by_three) = (cache(), cache());
    let cloned =
        |entry: foyer::Result<foyer::CacheEntry<String, Project>>| entry.map(|entry| entry.value().clone());
    let counted = |entry: foyer::Result<foyer::CacheEntry<String, Arc<Project>>>| {
        entry.map(|entry| Arc::clone(entry.value()))
    };
    vec![
        Case::new(name, U64, Shared, async move |id| {
            by_id.get_or_fetch(&id, || shared(id)).await.map(|entry| Arc::clone(entry.value()))
        }),
        Case::new(name, U64, Clone, async move |id| {
            owned_by_id.get_or_fetch(&id, || owned(id)).await.map(|entry| entry.value().clone())
        }),
        Case::new(name, Text, Shared, async move |id| {
            counted(by_text.get_or_fetch(text(id).as_str(), || shared(id)).await)
        }),
        Case::new(name, Text, Clone, async move |id| {
            cloned(owned_by_text.get_or_fetch(text(id).as_str(), || owned(id)).await)
        }),
        Case::new(name, ThreeParts, Shared, async move |id| {
            counted(by_three.get_or_fetch(three_parts(id).as_str(), || shared(id)).await)
        }),
        Case::new(name, ThreeParts, Clone, async move |id| {
            cloned(owned_by_three.get_or_fetch(three_parts(id).as_str(), || owned(id)).await)
        }),
    ]
}

fn numbers(name: &'static str, capacity: usize, eviction: impl Into<EvictionConfig>) -> Numbers {
    let cache: Cache<u64, u64> = CacheBuilder::new(capacity).with_eviction_config(eviction).build();
    let loads = Loads::default();
    let counted = loads.clone();
    Numbers::sync(name, &loads, move |id| match cache.get(&id) {
        Some(entry) => *entry.value(),
        None => *cache.insert(id, counted.load(id)).value(),
    })
}

pub(super) fn s3_fifo(capacity: usize) -> Numbers {
    numbers("foyer s3fifo", capacity, S3FifoConfig::default())
}

pub(super) fn lru(capacity: usize) -> Numbers {
    numbers("foyer lru", capacity, LruConfig::default())
}

pub(super) fn stampede(loader: &Loader) -> Stampede {
    let cache: Arc<Cache<u64, u64>> = Arc::new(CacheBuilder::new(1_000).build());
    Stampede::new("foyer get_or_fetch", loader, move |loader| {
        let cache = Arc::clone(&cache);
        async move { drop(cache.get_or_fetch(&1, || async move { loader.load().await }).await) }
    })
}
