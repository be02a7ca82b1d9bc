//! What can go wrong, and how it is told to a client.

use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cache_runtime::CacheError;
use serde_json::json;

pub(crate) type Result<T, E = ServiceError> = std::result::Result<T, E>;

/// An error of the service. Its text is for the client; its sources are for the log.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    #[error("{1}")]
    Refused(StatusCode, &'static str),
    #[error("too many tries")]
    TooMany(Duration),
    /// Sessions or limits cannot be read. Nobody knows who the client is, so nobody is logged out.
    #[error("try again later")]
    Unavailable(#[from] CacheError),
    #[error("the database failed")]
    Database(#[from] rusqlite::Error),
    #[error("the request did not finish")]
    Unfinished(#[from] tokio::task::JoinError),
}

pub(crate) const NOT_FOUND: ServiceError = ServiceError::Refused(StatusCode::NOT_FOUND, "not found");
pub(crate) const FORBIDDEN: ServiceError = ServiceError::Refused(StatusCode::FORBIDDEN, "not a member");
pub(crate) const LOG_IN: ServiceError = ServiceError::Refused(StatusCode::UNAUTHORIZED, "log in first");

impl IntoResponse for ServiceError {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::Refused(status, _) => *status,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(CacheError::InvalidKey { .. }) => StatusCode::BAD_REQUEST,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) | Self::Unfinished(_) => {
                tracing::error!(error = &self as &dyn std::error::Error, "a request failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        let mut response = (status, Json(json!({ "error": self.to_string() }))).into_response();
        if let Self::TooMany(wait) = self {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert("retry-after", seconds.into());
        }
        response
    }
}
