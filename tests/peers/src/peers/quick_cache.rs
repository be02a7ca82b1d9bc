//! `quick_cache`: a library, with neither a time to live nor attributes.

use std::convert::Infallible;
use std::sync::Arc;

use foldhash::fast::RandomState;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};

use crate::case::{Case, Gives, KeyOf};
use crate::numbers::{Loads, Numbers};
use crate::stampede::{Loader, Stampede};
use crate::value::{CAPACITY, Project, ids, text, three_parts};

type Quick<K, V> = Cache<K, V, UnitWeighter, RandomState, DefaultLifecycle<K, V>>;

/// With the hasher of its default features.
fn cache<K: Eq + std::hash::Hash + Clone, V: Clone>(capacity: usize) -> Quick<K, V> {
    Cache::with(capacity, capacity as u64, UnitWeighter, RandomState::default(), DefaultLifecycle::default())
}

fn of_text<V: Clone + Send + Sync>(name: fn(u64) -> String, load: fn(u64) -> V) -> &'static Quick<String, V> {
    let made: &'static Quick<String, V> = Box::leak(Box::new(cache(CAPACITY as usize)));
    ids().for_each(|id| made.insert(name(id), load(id)));
    made
}

pub(super) fn cases() -> Vec<Case> {
    use Gives::{Arc as Shared, Clone};
    use KeyOf::{Text, ThreeParts, U64};
    let numbered: &'static Quick<u64, Arc<Project>> = Box::leak(Box::new(cache(CAPACITY as usize)));
    ids().for_each(|id| numbered.insert(id, Project::load_shared(id)));
    let shared = of_text(text, Project::load_shared);
    let owned = of_text(text, Project::load);
    let (shared3, owned3) = (of_text(three_parts, Project::load_shared), of_text(three_parts, Project::load));
    let loaded = async |id| Ok::<_, Infallible>(Project::load_shared(id));
    let loaded_owned = async |id| Ok::<_, Infallible>(Project::load(id));
    vec![
        Case::sync("quick_cache get", U64, Shared, |id| numbered.get(&id)),
        Case::sync("quick_cache get", Text, Shared, |id| shared.get(text(id).as_str())),
        Case::new("quick_cache get_or_insert_async", U64, Shared, async move |id| {
            numbered.get_or_insert_async(&id, loaded(id)).await
        }),
        Case::new("quick_cache get_or_insert_async", Text, Shared, async move |id| {
            shared.get_or_insert_async(text(id).as_str(), loaded(id)).await
        }),
        Case::new("quick_cache get_or_insert_async", Text, Clone, async move |id| {
            owned.get_or_insert_async(text(id).as_str(), loaded_owned(id)).await
        }),
        Case::new("quick_cache get_or_insert_async", ThreeParts, Shared, async move |id| {
            shared3.get_or_insert_async(three_parts(id).as_str(), loaded(id)).await
        }),
        Case::new("quick_cache get_or_insert_async", ThreeParts, Clone, async move |id| {
            owned3.get_or_insert_async(three_parts(id).as_str(), loaded_owned(id)).await
        }),
    ]
}

pub(super) fn numbers(capacity: usize) -> Numbers {
    let (cache, loads) = (cache::<u64, u64>(capacity), Loads::default());
    let counted = loads.clone();
    Numbers::sync("quick_cache", &loads, move |id| {
        cache.get(&id).unwrap_or_else(|| {
            let value = counted.load(id);
            cache.insert(id, value);
            value
        })
    })
}

pub(super) fn stampede(loader: &Loader) -> Stampede {
    let cache = Arc::new(cache::<u64, u64>(1_000));
    Stampede::new("quick_cache get_or_insert_async", loader, move |loader| {
        let cache = Arc::clone(&cache);
        async move { drop(cache.get_or_insert_async(&1, loader.load()).await) }
    })
}
