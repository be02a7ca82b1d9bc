//! `hitbox`: an attribute over its backend in memory; values are bytes.

use std::sync::Arc;
use std::time::Duration;

use hitbox::concurrency::BroadcastConcurrencyManager;
use hitbox::policy::{ConcurrencyLimit, PolicyConfig};
use hitbox_backend::format::{BincodeFormat, JsonFormat};
use hitbox_fn::{Cache, cached};
use hitbox_moka::MokaBackend;

use crate::case::{Case, Gives, KeyOf};
use crate::stampede::{Down, Loader, Stampede};
use crate::value::{CAPACITY, ORG, Project, SLUG, TTL};

#[cached(prefix = "project")]
async fn project(id: u64) -> Result<Project, Down> {
    Ok(Project::load(id))
}

#[cached(prefix = "project")]
async fn project_of_three(org: u64, slug: String, id: u64) -> Result<Project, Down> {
    let _ = (org, slug);
    Ok(Project::load(id))
}

#[cached(prefix = "slow", skip(loader))]
async fn slow(loader: Loader) -> Result<u64, Down> {
    loader.load().await
}

fn policy() -> PolicyConfig {
    PolicyConfig::builder().ttl(Duration::from_secs(TTL)).build()
}

pub(super) fn cases() -> Vec<Case> {
    let room = u64::from(CAPACITY);
    let bincode = MokaBackend::builder().max_entries(room).value_format(BincodeFormat).build();
    let bincode = Cache::builder().backend(bincode).policy(policy()).build();
    let json = MokaBackend::builder().max_entries(room).value_format(JsonFormat).build();
    let json = Cache::builder().backend(json).policy(policy()).build();
    let three = MokaBackend::builder().max_entries(room).value_format(BincodeFormat).build();
    let three = Cache::builder().backend(three).policy(policy()).build();
    vec![
        Case::new("hitbox #[cached], bincode", KeyOf::Text, Gives::Clone, async move |id| {
            project(id).cache(&bincode).await
        }),
        Case::new("hitbox #[cached], JSON", KeyOf::Text, Gives::Clone, async move |id| {
            project(id).cache(&json).await
        }),
        Case::new("hitbox #[cached], bincode", KeyOf::ThreeParts, Gives::Clone, async move |id| {
            project_of_three(ORG, SLUG.to_owned(), id).cache(&three).await
        }),
    ]
}

pub(super) fn stampede(loader: &Loader) -> Stampede {
    let one_at_a_time = ConcurrencyLimit::MIN;
    let policy = PolicyConfig::builder().ttl(Duration::from_secs(TTL)).concurrency(one_at_a_time).build();
    let cache = Cache::builder()
        .backend(MokaBackend::builder().max_entries(1_000).build())
        .policy(policy)
        .concurrency_manager(BroadcastConcurrencyManager::<Result<u64, Down>>::new())
        .build();
    let cache = Arc::new(cache);
    Stampede::new("hitbox #[cached], concurrency 1", loader, move |loader| {
        let cache = Arc::clone(&cache);
        async move { drop(slow(loader).cache(&*cache).await) }
    })
}
