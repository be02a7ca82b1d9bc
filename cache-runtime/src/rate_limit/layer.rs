//! The limiter before an HTTP service: a `tower` layer.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderValue, Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use super::RateLimiter;
use crate::backend::Decision;
use crate::error::CacheError;
use crate::key::KeyPart;

/// Puts a [`RateLimiter`] before an HTTP service, such as axum's.
///
/// | of the caller's quota | answer |
/// | --- | --- |
/// | enough is left | that of the service |
/// | not enough is left | 429, with `Retry-After` unless waiting does not help |
/// | nobody knows, since the backend fails | 503, or that of the service where the limiter [fails open](super::RateLimiterBuilder::fail_open) |
/// | the id is longer than a key may be | 400 |
///
/// The answers of this layer have no body. Every answer but the last two has the headers `RateLimit-Limit`,
/// `RateLimit-Remaining` and `RateLimit-Reset` (seconds until the whole limit is there again, rounded up). They are
/// those that clients read today; the fields `RateLimit` and `RateLimit-Policy` of the IETF's draft, which is to
/// replace them, have changed their form with its editions.
///
/// # Who the caller is
///
/// A function says it, of the head of the request: any [`KeyPart`], such as a text. `None` is not limited. Two things
/// to mind: a header is what the client likes to send, so that only one that your own proxy sets tells clients apart
/// (`X-Forwarded-For` is a list to whose left end the client adds); and an id that should not stand in the store, such
/// as a token, is better hashed.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use axum::{Router, routing::get};
/// use cache_runtime::{KvCacheService, Quota, RateLimitLayer, RateLimiter};
/// use http::request::Parts;
///
/// # fn main() -> cache_runtime::Result<()> {
/// let cache = KvCacheService::in_memory();
/// let limiter = RateLimiter::new(&cache, "api", Quota::smooth(100, Duration::from_mins(1)))?;
/// // For the client's address: `parts.extensions.get::<ConnectInfo<SocketAddr>>()`.
/// let client = |parts: &Parts| Some(parts.headers.get("x-api-key")?.to_str().ok()?.to_owned());
///
/// let app: Router = Router::new()
///     .route("/projects", get(|| async { "all of them" }))
///     .layer(RateLimitLayer::new(limiter, client));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RateLimitLayer<F> {
    limiter: RateLimiter,
    caller: F,
    cost: u32,
}

impl<F> RateLimitLayer<F> {
    /// A layer that asks `caller` whose quota a request costs.
    pub fn new<I>(limiter: RateLimiter, caller: F) -> Self
    where
        F: Fn(&Parts) -> Option<I>,
    {
        Self { limiter, caller, cost: 1 }
    }

    /// What a request costs; 1 if not given.
    #[must_use]
    pub fn cost(self, cost: u32) -> Self {
        Self { cost, ..self }
    }
}

impl<S, F: Clone> Layer<S> for RateLimitLayer<F> {
    type Service = RateLimited<S, F>;

    fn layer(&self, inner: S) -> Self::Service {
        RateLimited { inner, layer: self.clone() }
    }
}

impl<F> fmt::Debug for RateLimitLayer<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RateLimitLayer")
            .field("limiter", &self.limiter)
            .field("cost", &self.cost)
            .finish_non_exhaustive()
    }
}

/// A service behind a [`RateLimitLayer`].
#[derive(Debug, Clone)]
pub struct RateLimited<S, F> {
    inner: S,
    layer: RateLimitLayer<F>,
}

impl<S, F, I, A, B> Service<Request<A>> for RateLimited<S, F>
where
    S: Service<Request<A>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    F: Fn(&Parts) -> Option<I>,
    I: KeyPart + Send + 'static,
    A: Send + 'static,
    B: Default,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        // The one that was asked whether it is ready answers; the other is asked the next time.
        let other = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, other);
        let (parts, body) = request.into_parts();
        let caller = (self.layer.caller)(&parts);
        let request = Request::from_parts(parts, body);
        let (limiter, cost) = (self.layer.limiter.clone(), self.layer.cost);
        Box::pin(async move {
            let Some(caller) = caller else { return inner.call(request).await };
            let decision = match limiter.check_n(caller, cost).await {
                Ok(decision) => decision,
                Err(CacheError::InvalidKey { .. }) => return Ok(answer(StatusCode::BAD_REQUEST)),
                Err(_) => return Ok(answer(StatusCode::SERVICE_UNAVAILABLE)),
            };
            let mut response = if decision.allowed {
                inner.call(request).await?
            } else {
                answer(StatusCode::TOO_MANY_REQUESTS)
            };
            tell(&decision, response.headers_mut());
            Ok(response)
        })
    }
}

fn answer<B: Default>(status: StatusCode) -> Response<B> {
    let mut response = Response::new(B::default());
    *response.status_mut() = status;
    response
}

fn tell(decision: &Decision, headers: &mut HeaderMap) {
    const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
    const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
    const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");
    headers.insert(LIMIT, decision.limit.into());
    headers.insert(REMAINING, decision.remaining.into());
    headers.insert(RESET, seconds(decision.reset_after));
    if let Some(wait) = decision.retry_after {
        headers.insert(RETRY_AFTER, seconds(wait));
    }
}

/// Whole seconds, rounded up: who waits that long has waited enough.
fn seconds(length: Duration) -> HeaderValue {
    (length.as_secs() + u64::from(length.subsec_nanos() > 0)).into()
}
