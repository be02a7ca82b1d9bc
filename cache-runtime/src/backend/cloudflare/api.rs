//! The client: makes a request, and makes it again where that may help, within its time.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::fault::Fault;
use super::pause::{Pause, jittered};
use super::reply::{self, Envelope};
use super::request::Request;
use crate::clock::Clock;
use crate::error::BackendError;
use crate::rt;

/// The pause before the second attempt, doubled before each further one.
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
/// How long a key takes no other write.
const ONE_WRITE: Duration = Duration::from_secs(1);

pub(super) struct Api {
    pub(super) client: reqwest::Client,
    /// The address of the namespace.
    pub(super) address: String,
    pub(super) clock: Clock,
    pub(super) attempts: u32,
    pub(super) attempt_timeout: Duration,
    pub(super) deadline: Duration,
    pub(super) pause: Pause,
}

impl Api {
    /// Makes a request, and reads all of its answer.
    pub(super) async fn call(&self, request: &Request<'_>) -> Result<Bytes, Fault> {
        self.repeat(request, async |response| reply::body(response).await).await
    }

    /// Makes a request whose answer is in an envelope.
    pub(super) async fn ask<T: DeserializeOwned>(&self, request: &Request<'_>) -> Result<Envelope<T>, Fault> {
        self.repeat(request, async |response| reply::open(&reply::body(response).await?)).await
    }

    /// Makes a request, and leaves its answer to the caller as it comes.
    pub(super) async fn open(&self, request: &Request<'_>) -> Result<reqwest::Response, Fault> {
        self.repeat(request, async |response| Ok(response)).await
    }

    async fn repeat<T>(
        &self,
        request: &Request<'_>,
        read: impl AsyncFn(reqwest::Response) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.pause.check(&self.clock)?;
        let upload = request.upload_time();
        let end = self.clock.now().saturating_add(self.deadline).saturating_add(upload);
        let mut backoff = FIRST_BACKOFF;
        for attempt in 1.. {
            let limit = self.attempt_timeout.saturating_add(upload);
            let limit = limit.min(end.saturating_sub(self.clock.now()));
            let once = rt::at_most(&self.clock, limit, self.once(request, &read)).await;
            let fault = match once.unwrap_or(Err(Fault::Timeout(limit))) {
                Ok(answer) => {
                    self.pause.heed(None, &self.clock);
                    return Ok(answer);
                }
                Err(fault) => fault,
            };
            self.pause.heed(Some(&fault), &self.clock);
            let least = if fault.is_too_many() { ONE_WRITE } else { Duration::ZERO };
            let wait = fault.retry_after().unwrap_or_else(|| least + jittered(backoff));
            let is_last = attempt >= self.attempts || self.clock.now().saturating_add(wait) >= end;
            if is_last || !fault.may_pass() || !request.can_be_repeated() {
                return Err(fault);
            }
            tracing::debug!("Cloudflare KV: attempt {attempt} failed, the next one is in {wait:?}: {fault}");
            // A connection that waited in the pool may have died there: the next one is another.
            if attempt > 1 || !matches!(fault, Fault::Cut(_)) {
                self.clock.sleep(wait).await;
            }
            backoff = backoff.saturating_mul(2);
        }
        Err(Fault::Timeout(self.deadline))
    }

    async fn once<T>(
        &self,
        request: &Request<'_>,
        read: &impl AsyncFn(reqwest::Response) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let address = format!("{}{}", self.address, request.path);
        let sent = request.fill(self.client.request(request.method.clone(), address)).send().await;
        let response = sent.map_err(|error| Fault::of_client(&error))?;
        if response.status().is_success() {
            read(response).await
        } else {
            Err(reply::refusal(response).await)
        }
    }
}

/// The backend's error of a request.
pub(super) fn failed(request: &Request<'_>) -> impl Fn(Fault) -> BackendError {
    let (kind, keys) = (request.kind, request.keys);
    move |fault| fault.into_error(kind, keys)
}
