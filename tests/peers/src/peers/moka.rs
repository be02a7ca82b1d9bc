//! `moka`: a library, with a time to live.

use std::convert::Infallible;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;

use crate::case::{Case, Gives, KeyOf};
use crate::numbers::{Loads, Numbers};
use crate::stampede::{Loader, Stampede};
use crate::value::{CAPACITY, Project, TTL, text, three_parts};

fn cache<K: Hash + Eq + Send + Sync + 'static, V: Clone + Send + Sync + 'static>() -> Cache<K, V> {
    Cache::builder().max_capacity(CAPACITY.into()).time_to_live(Duration::from_secs(TTL)).build()
}

pub(super) fn cases() -> Vec<Case> {
    use Gives::{Arc as Shared, Clone};
    use KeyOf::{Text, ThreeParts, U64};
    let name = "moka future::try_get_with";
    let (by_id, by_text, by_three) = (cache(), cache(), cache());
    let (owned_by_id, owned_by_text, owned_by_three) = (cache(), cache(), cache());
    let shared = async |id| Ok::<_, Infallible>(Project::load_shared(id));
    let owned = async |id| Ok::<_, Infallible>(Project::load(id));
    vec![
        Case::new(name, U64, Shared, async move |id| by_id.try_get_with(id, shared(id)).await),
        Case::new(name, U64, Clone, async move |id| owned_by_id.try_get_with(id, owned(id)).await),
        Case::new(name, Text, Shared, async move |id| by_text.try_get_with(text(id), shared(id)).await),
        Case::new(name, Text, Clone, async move |id| owned_by_text.try_get_with(text(id), owned(id)).await),
        Case::new(name, ThreeParts, Shared, async move |id| {
            by_three.try_get_with(three_parts(id), shared(id)).await
        }),
        Case::new(name, ThreeParts, Clone, async move |id| {
            owned_by_three.try_get_with(three_parts(id), owned(id)).await
        }),
    ]
}

pub(super) fn numbers(capacity: usize) -> Numbers {
    let (cache, loads) = (Cache::new(capacity as u64), Loads::default());
    let counted = loads.clone();
    Numbers::new("moka", &loads, async move |id| cache.get_with(id, async { counted.load(id) }).await)
}

pub(super) fn stampede(loader: &Loader) -> Stampede {
    let cache = Arc::new(cache::<u64, u64>());
    Stampede::new("moka try_get_with", loader, move |loader| {
        let cache = Arc::clone(&cache);
        async move { drop(cache.try_get_with(1, loader.load()).await) }
    })
}
