//! How a [`CloudflareBackend`] is set up.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;

use super::CloudflareBackend;
use super::api::Api;
use super::pause::Pause;
use crate::clock::Clock;
use crate::error::{CacheError, Result};

const BASE_URL: &str = "https://api.cloudflare.com/client/v4";

/// Which namespace a [`CloudflareBackend`] is, and how long it tries.
#[derive(Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct CloudflareBackendBuilder {
    account: String,
    namespace: String,
    token: String,
    base_url: String,
    clock: Clock,
    attempts: u32,
    attempt_timeout: Duration,
    deadline: Duration,
}

impl CloudflareBackendBuilder {
    pub(super) fn new(account: &str, namespace: &str, token: &str) -> Self {
        Self {
            account: account.into(),
            namespace: namespace.into(),
            token: token.into(),
            base_url: BASE_URL.into(),
            clock: Clock::system(),
            attempts: 4,
            attempt_timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(10),
        }
    }

    /// Where the interface is, instead of `https://api.cloudflare.com/client/v4`.
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = url.into();
        self
    }

    /// Takes the time from `clock` instead of the system's: the ends of values, the pauses between attempts.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// How often a request is made, at the most, before it has failed: 4 times unless set.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How long one attempt may take: 5 seconds unless set, and one more for each megabyte that is sent.
    pub fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// How long a request may take with all its attempts and the pauses between them: 10 seconds unless set, and one
    /// more for each megabyte that is sent. An operation on many keys is several requests. A service's own timeout, 2 seconds unless set, comes on top.
    pub fn deadline(mut self, limit: Duration) -> Self {
        self.deadline = limit;
        self
    }

    /// Builds the backend. Sends nothing.
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`] for an id, a token or a base URL that cannot be one. The message does not show
    /// them.
    pub fn build(self) -> Result<CloudflareBackend> {
        let refuse = |message: &str| CacheError::Configuration(message.into());
        if !is_id(&self.account) {
            return Err(refuse(
                "the Cloudflare account id is not one: letters, digits, `-` and `_`, at most 64",
            ));
        }
        if !is_id(&self.namespace) {
            return Err(refuse("the KV namespace id is not one: letters, digits, `-` and `_`, at most 64"));
        }
        let base = base(&self.base_url)?;
        let is_here = is_loopback(&base);
        let mut bearer = HeaderValue::from_str(&format!("Bearer {}", self.token))
            .ok()
            .filter(|_| !self.token.is_empty() && !self.token.contains(char::is_whitespace))
            .ok_or_else(|| refuse("the Cloudflare API token is empty, or holds what no token holds"))?;
        bearer.set_sensitive(true);
        // TLS asks for the process's choice of cryptography; one that the program made stands.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut client = reqwest::Client::builder()
            .default_headers(HeaderMap::from_iter([(AUTHORIZATION, bearer)]))
            .user_agent(concat!("cache-runtime/", env!("CARGO_PKG_VERSION")))
            // The token goes to nobody else.
            .redirect(Policy::none());
        if is_here {
            client = client.no_proxy();
        }
        let client = client.build().map_err(|_| {
            refuse("TLS cannot be set up: the system has no certificates that can be trusted")
        })?;
        let base = base.as_str().trim_end_matches('/');
        let address = format!("{base}/accounts/{}/storage/kv/namespaces/{}", self.account, self.namespace);
        let api = Api {
            client,
            address,
            clock: self.clock,
            attempts: self.attempts,
            attempt_timeout: self.attempt_timeout,
            deadline: self.deadline,
            pause: Pause::default(),
        };
        Ok(CloudflareBackend { api: Arc::new(api) })
    }
}

/// Ids go into the address as they are.
fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

fn base(text: &str) -> Result<Url> {
    let form = "the base URL of the Cloudflare API is not of the form `https://host/path`";
    let url = Url::parse(text).map_err(|_| CacheError::Configuration(form.into()))?;
    let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
    if !url.has_host() || !is_plain || url.fragment().is_some() {
        return Err(CacheError::Configuration(form.into()));
    }
    match url.scheme() {
        "https" => Ok(url),
        // The token would be there for anybody to read.
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(CacheError::Configuration(format!("{form}; `http:` is for this machine only"))),
    }
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl fmt::Debug for CloudflareBackendBuilder {
    /// Shows no id and no token.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CloudflareBackendBuilder")
            .field("attempts", &self.attempts)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
