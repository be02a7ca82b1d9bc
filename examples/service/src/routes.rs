//! What can be asked: everybody may read, members may write.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{get, post};
use axum::{Json, Router};
use cache_runtime::{RateLimitLayer, RateLimiter};
use serde_json::{Value, json};
use tower_http::trace::{DefaultMakeSpan, DefaultOnResponse, TraceLayer};
use tracing::Level;

use crate::Api;
use crate::auth::{Login, log_in, log_out, log_out_everywhere};
use crate::error::{NOT_FOUND, Result};
use crate::repository::{OrgSettings, Organisations, Project, Projects};

/// The service, which each client may ask as often as the limiter says.
pub(crate) fn router(api: Api, requests: Option<RateLimiter>) -> Router {
    let mut limited = Router::new()
        .route("/orgs/{org}/settings", get(settings).put(set_settings))
        .route("/orgs/{org}/projects", get(projects).post(create))
        .route("/orgs/{org}/projects/{id}", get(project).put(rename))
        .route("/me", get(async |login: Login| Json(login)));
    if let Some(limiter) = requests {
        // Behind a proxy of your own, take the address that it reports.
        let address = |parts: &Parts| parts.extensions.get::<ConnectInfo<SocketAddr>>().copied();
        let client = move |parts: &Parts| address(parts).map(|address| address.ip().to_string());
        limited = limited.layer(RateLimitLayer::new(limiter, client));
    }
    let (span, answer) =
        (DefaultMakeSpan::new().level(Level::INFO), DefaultOnResponse::new().level(Level::INFO));
    let log = TraceLayer::new_for_http().make_span_with(span).on_response(answer);
    Router::new()
        .nest("/api", limited)
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .route("/logout/everywhere", post(log_out_everywhere))
        .layer(log)
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .with_state(api)
}

async fn settings(State(api): State<Api>, Path(org): Path<u64>) -> Result<Json<OrgSettings>> {
    api.repository.get_org_settings(org).await?.map(Json).ok_or(NOT_FOUND)
}

async fn projects(State(api): State<Api>, Path(org): Path<u64>) -> Result<Json<Vec<Project>>> {
    Ok(Json(api.repository.list_projects(org).await?))
}

async fn project(State(api): State<Api>, Path((org, id)): Path<(u64, u64)>) -> Result<Json<Project>> {
    api.repository.get_project(org, id).await?.map(Json).ok_or(NOT_FOUND)
}

async fn set_settings(
    State(api): State<Api>,
    login: Login,
    Path(org): Path<u64>,
    Json(new): Json<OrgSettings>,
) -> Result<Json<OrgSettings>> {
    login.of(org)?;
    api.write(async |tx| api.repository.set_org_settings(tx, org, new).await).await.map(Json)
}

/// Creates all of them, or none.
async fn create(
    State(api): State<Api>,
    login: Login,
    Path(org): Path<u64>,
    Json(names): Json<Vec<String>>,
) -> Result<(StatusCode, Json<Vec<Project>>)> {
    login.of(org)?;
    let create = async |tx: &mut _| {
        let mut created = Vec::new();
        for name in names {
            created.push(api.repository.create_project(tx, org, name).await?);
        }
        Ok(created)
    };
    Ok((StatusCode::CREATED, Json(api.write(create).await?)))
}

async fn rename(
    State(api): State<Api>,
    login: Login,
    Path((org, id)): Path<(u64, u64)>,
    Json(name): Json<String>,
) -> Result<Json<Project>> {
    login.of(org)?;
    api.write(async |tx| api.repository.rename_project(tx, org, id, name).await).await.map(Json)
}

/// Well while it can answer: without its cache it is slower, and nobody can log in.
async fn health(State(api): State<Api>) -> Json<Value> {
    let cache = &api.repository.cache;
    let state = match cache.health().await {
        Ok(()) if cache.is_disabled() => "disabled",
        Ok(()) => "up",
        Err(_) => "down",
    };
    Json(json!({ "cache": state, "pending_invalidations": cache.pending_invalidations() }))
}

async fn metrics(State(api): State<Api>) -> String {
    cache_runtime::publish_metrics();
    api.metrics.render()
}
