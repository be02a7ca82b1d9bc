//! The project service of the example `projects`, annotated the same way, as a Cloudflare Worker: the cache is a KV
//! namespace, the database is D1. Each answer says what it cost.
//!
//! ```text
//! GET /projects/7            one project
//! PUT /projects/7            {"name": "…", "status": "paused"}
//! GET /orgs/3/projects       an organisation's listing
//! GET /slugs/apollo          one project, by the name in its URL
//! POST /session              {"user": "ada"}: logs in
//! GET /session               who is logged in
//! DELETE /session            logs out; /sessions: wherever that user is
//! ```

// The very files of the other example.
#[path = "../../projects/model.rs"]
#[allow(dead_code, reason = "each example uses its part of it")]
mod model;
#[path = "../../projects/queries.rs"]
mod queries;
#[path = "../../projects/service.rs"]
mod service;

#[cfg(feature = "contract")]
mod contract;
mod cost;
mod db;
mod session;

use std::sync::Arc;

use cache_runtime::{KvCacheService, WorkerBackend};
use serde::{Deserialize, Serialize};
use worker::{Context, Env, Method, Request, Response, event};

use crate::db::{Db, DbError};
use crate::model::{ProjectChange, Status};
use crate::service::ProjectService;

/// What a client may change.
#[derive(Deserialize)]
struct Change {
    name: Option<String>,
    status: Option<Status>,
}

#[event(fetch)]
async fn fetch(mut request: Request, env: Env, _: Context) -> worker::Result<Response> {
    let path = request.path();
    #[cfg(feature = "contract")]
    if path == "/contract" {
        return contract::answer(&mut request, &env).await;
    }
    // A service for each request: what another request awaits must not be awaited here.
    let backend = WorkerBackend::from_env(&env, "CACHE").map_err(failed)?;
    let cache = KvCacheService::builder(Arc::new(backend.clone())).build().map_err(failed)?;
    let projects = ProjectService { db: Db::new(env.d1("DB")?), cache };
    let answer = match path.as_str() {
        "/session" | "/sessions" => session::answer(&mut request, &path, &projects.cache).await,
        _ => answer(&mut request, &path, &projects).await,
    };
    cost::tell(answer?, backend.usage(), projects.db.queries())
}

async fn answer(request: &mut Request, path: &str, projects: &ProjectService) -> worker::Result<Response> {
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    match (request.method(), parts.as_slice()) {
        (Method::Get, ["projects", id]) => match id.parse() {
            Ok(id) => found(projects.get_project(id).await),
            Err(_) => Response::error("the id of a project is a number", 400),
        },
        (Method::Put, ["projects", id]) => {
            let Ok(id) = id.parse() else { return Response::error("the id of a project is a number", 400) };
            let Ok(Change { name, status }) = request.json().await else {
                return Response::error("a change is JSON with a `name`, a `status`, or both", 400);
            };
            found(projects.update_project(id, ProjectChange { name, status }).await.map(Some))
        }
        (Method::Get, ["orgs", id, "projects"]) => match id.parse() {
            Ok(id) => found(projects.list_projects(id).await.map(Some)),
            Err(_) => Response::error("the id of an organisation is a number", 400),
        },
        (Method::Get, ["slugs", slug]) => found(projects.find_by_slug(slug).await),
        _ => Response::error("there is no such page", 404),
    }
}

fn found<T: Serialize>(result: Result<Option<T>, DbError>) -> worker::Result<Response> {
    match result {
        Ok(Some(value)) => Response::from_json(&value),
        Ok(None) | Err(DbError::NoSuchProject(_)) => Response::error("there is no such project", 404),
        Err(error) => Response::error(error.to_string(), 500),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn failed(error: cache_runtime::CacheError) -> worker::Error {
    worker::Error::RustError(error.to_string())
}
