//! Who the client is: login and logout, and the session that a cookie names.

use argon2::Argon2;
use argon2::password_hash::PasswordVerifier;
use argon2::password_hash::phc::PasswordHash;
use axum::Json;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum_extra::extract::CookieJar;
use axum_extra::extract::cookie::{Cookie, SameSite};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

use crate::Api;
use crate::error::{FORBIDDEN, LOG_IN, Result, ServiceError};

const COOKIE: &str = "session";

/// What a user is compared with who is not there, so that the answer takes as long.
const NOBODY: &str =
    "$argon2id$v=19$m=256,t=1,p=1$/iUP2cgB0mwxDaIvMaHvbA$TodFiSBG85cxHDba6Cb54g2wK6CBr0oc5bDu93i1/lc";

/// What a session holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Login {
    email: String,
    org: u64,
}

impl Login {
    /// Only members may write.
    pub(crate) fn of(self, org: u64) -> Result<()> {
        if self.org == org { Ok(()) } else { Err(FORBIDDEN) }
    }
}

/// A handler that takes a `Login` answers to clients with an open session only.
impl FromRequestParts<Api> for Login {
    type Rejection = ServiceError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self> {
        let jar = CookieJar::from_headers(&parts.headers);
        let session = api.sessions.get(jar.get(COOKIE).ok_or(LOG_IN)?.value()).await?;
        Ok(session.ok_or(LOG_IN)?.data)
    }
}

#[derive(Deserialize)]
pub(crate) struct Credentials {
    email: String,
    password: String,
}

/// Tries are counted by user, whether the password is right or not; if nobody can count them, nobody may try.
pub(crate) async fn log_in(
    State(api): State<Api>,
    jar: CookieJar,
    Json(Credentials { email, password }): Json<Credentials>,
) -> Result<(CookieJar, Json<Login>)> {
    let tries = api.logins.check(&email).await?;
    if !tries.allowed {
        return Err(ServiceError::TooMany(tries.retry_after.unwrap_or_default()));
    }
    let (sql, user) = ("SELECT password, org_id FROM users WHERE email = ?1", email.clone());
    let ask = api.repository.db.read(move |db| {
        db.query_one(sql, [user], |row| Ok((row.get::<_, String>(0)?, row.get(1)?))).optional()
    });
    let (expected, org) = ask.await?.map_or((NOBODY.to_owned(), None), |(hash, org)| (hash, Some(org)));
    let right = tokio::task::spawn_blocking(move || {
        let hash = PasswordHash::new(&expected);
        hash.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    });
    let right = right.await?;
    let Some(org) = org.filter(|_| right) else {
        return Err(ServiceError::Refused(StatusCode::UNAUTHORIZED, "no such user and password"));
    };
    // Whoever knew the token from before the login is not let in.
    if let Some(old) = jar.get(COOKIE) {
        api.sessions.destroy(old.value()).await?;
    }
    let login = Login { email, org };
    let token = api.sessions.create_for(&login.email, &login).await?;
    let cookie = Cookie::build((COOKIE, token.expose().to_owned())).path("/");
    let cookie = cookie.http_only(true).secure(true).same_site(SameSite::Lax);
    Ok((jar.add(cookie), Json(login)))
}

pub(crate) async fn log_out(State(api): State<Api>, jar: CookieJar) -> Result<(CookieJar, StatusCode)> {
    if let Some(token) = jar.get(COOKIE) {
        api.sessions.destroy(token.value()).await?;
    }
    Ok((jar.remove(Cookie::build(COOKIE).path("/")), StatusCode::NO_CONTENT))
}

pub(crate) async fn log_out_everywhere(State(api): State<Api>, login: Login) -> Result<StatusCode> {
    api.sessions.destroy_all(&login.email).await?;
    Ok(StatusCode::NO_CONTENT)
}
