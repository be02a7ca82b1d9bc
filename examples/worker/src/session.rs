//! `/session`: who is logged in, by a token in a cookie. A real service asks for a password first.

use cache_runtime::{CacheError, KvCacheService, SessionStore};
use serde::{Deserialize, Serialize};
use serde_json::json;
use worker::{Method, Request, Response};

use crate::failed;

const COOKIE: &str = "session";

/// What is known of a client. KV takes one write a second of a key, so nothing in here changes with each request.
#[derive(Serialize, Deserialize)]
struct Client {
    language: String,
}

#[derive(Deserialize)]
struct Login {
    user: String,
}

pub async fn answer(request: &mut Request, path: &str, cache: &KvCacheService) -> worker::Result<Response> {
    let sessions: SessionStore<Client> = SessionStore::builder(cache).build().map_err(failed)?;
    let token = token(request)?;
    let token = token.as_deref().unwrap_or_default();
    let outcome = match (request.method(), path) {
        (Method::Post, "/session") => {
            let Ok(Login { user }) = request.json().await else {
                return Response::error("a login is JSON with a `user`", 400);
            };
            let language = request.headers().get("accept-language")?.unwrap_or_default();
            log_in(&sessions, token, &user, Client { language }).await
        }
        (Method::Get, "/session") => show(&sessions, token).await,
        (Method::Delete, "/session") => log_out(&sessions, token, false).await,
        (Method::Delete, "/sessions") => log_out(&sessions, token, true).await,
        _ => return Response::error("there is no such page", 404),
    };
    outcome.map_err(failed)?
}

/// A client that has a session gets another token, so that nobody who has planted the old one is let in.
async fn log_in(
    sessions: &SessionStore<Client>,
    token: &str,
    user: &str,
    client: Client,
) -> Result<worker::Result<Response>, CacheError> {
    let token = match sessions.rotate_for(token, user).await? {
        Some(token) => token,
        None => sessions.create_for(user, &client).await?,
    };
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; Secure; SameSite=Lax", token.expose());
    Ok(Response::from_json(&json!({ "user": user })).and_then(|mut answer| {
        answer.headers_mut().set("set-cookie", &cookie)?;
        Ok(answer)
    }))
}

async fn show(sessions: &SessionStore<Client>, token: &str) -> Result<worker::Result<Response>, CacheError> {
    Ok(match sessions.get(token).await? {
        Some(session) => {
            Response::from_json(&json!({ "user": session.user, "language": session.data.language }))
        }
        None => Response::error("nobody is logged in", 401),
    })
}

async fn log_out(
    sessions: &SessionStore<Client>,
    token: &str,
    everywhere: bool,
) -> Result<worker::Result<Response>, CacheError> {
    if everywhere && let Some(user) = sessions.get(token).await?.and_then(|session| session.user) {
        sessions.destroy_all(&user).await?;
    }
    sessions.destroy(token).await?;
    Ok(Response::empty().map(|answer| answer.with_status(204)))
}

/// The token of the request's cookie.
fn token(request: &Request) -> worker::Result<Option<String>> {
    let cookies = request.headers().get("cookie")?.unwrap_or_default();
    let mut named = cookies.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    Ok(named.find(|(name, _)| *name == COOKIE).map(|(_, token)| token.to_owned()))
}
