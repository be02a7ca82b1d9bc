//! A web service with sessions, rate limits and a cache, as one might write it: axum over `SQLite`.
//!
//! `cargo run -p cache-example-service -- --help` says how to run it; `docs/guide.md` reads its code.

mod auth;
mod db;
mod error;
mod repository;
mod routes;

use std::time::Duration;

use auth::Login;
use axum::Router;
use cache_runtime::{KvCacheService, Quota, RateLimiter, SessionStore};
pub use db::Db;
use error::Result;
use metrics_exporter_prometheus::PrometheusHandle;
use repository::Repository;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    repository: Repository,
    sessions: SessionStore<Login>,
    logins: RateLimiter,
    metrics: PrometheusHandle,
}

/// The whole service. Each client may make `limit` requests a minute; any number if it is 0.
pub fn app(db: Db, cache: KvCacheService, metrics: PrometheusHandle, limit: u32) -> Result<Router> {
    let limiter = |name, quota| {
        let limiter = RateLimiter::builder(&cache, name, quota);
        // On Cloudflare KV about that much has to do.
        if cache.backend().capabilities().atomic { limiter } else { limiter.approximate() }
    };
    let minute = Duration::from_mins(1);
    let requests = (limit > 0).then(|| limiter("requests", Quota::smooth(limit, minute)).fail_open().build());
    let api = Api {
        sessions: SessionStore::builder(&cache).build()?,
        logins: limiter("logins", Quota::window(5, minute)).build()?,
        metrics,
        repository: Repository { cache, db },
    };
    Ok(routes::router(api, requests.transpose()?))
}

impl Api {
    /// Runs `work` in a transaction and commits it; then, and not before, what it made stale is invalidated.
    async fn write<T>(&self, work: impl AsyncFnOnce(&mut db::Transaction) -> Result<T>) -> Result<T> {
        let transaction = async {
            let mut transaction = self.repository.db.begin().await?;
            let written = work(&mut transaction).await?;
            transaction.commit().await?;
            Ok(written)
        };
        self.repository.cache.deferring(transaction).await
    }
}
