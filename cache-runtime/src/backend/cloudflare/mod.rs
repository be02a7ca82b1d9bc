//! Cloudflare KV from servers, over its REST interface: [`CloudflareBackend`].

mod api;
mod backend;
mod builder;
mod fault;
mod listing;
mod pause;
mod reads;
mod reply;
mod request;
mod writes;

use std::fmt;
use std::sync::Arc;

pub use builder::CloudflareBackendBuilder;

use api::Api;

/// A namespace of Cloudflare KV, over the REST interface: for servers. A Worker has its binding instead.
///
/// Clones are handles to the same client. Needs a tokio runtime with time and I/O.
///
/// # What is stored
///
/// The value's own bytes under the key that was given, so that any other program on the namespace reads JSON as JSON.
/// Beside it stands, in the metadata, the entry's end in milliseconds, `{"e":1795463060123}`, together with what the
/// caller put there. So a time to live under KV's minimum of 60 seconds holds: KV keeps the entry for 60, and nobody
/// who reads it here is given it past its end, by the clocks of who wrote and who reads. Bytes that are no text are
/// stored as base64, marked `"b":1`. Writes of [`KvNamespace`](crate::KvNamespace) are stored as they are given.
///
/// # What is promised
///
/// Little, because KV is eventually consistent: a write is seen within about a minute where the key was read before,
/// a missing key included; the last of several writers wins; a key takes one write a second. No leases, no barriers,
/// and counters that lose steps when they are counted at the same time.
///
/// # Faults
///
/// An answer of 429 or 5xx and a lost connection are tried again, as [`attempts`](CloudflareBackendBuilder::attempts)
/// and [`deadline`](CloudflareBackendBuilder::deadline) say, after what `retry-after` names or else a pause that
/// doubles, with some chance in it. While Cloudflare has asked to wait, or cannot be reached, further calls fail at
/// once. Neither `Debug` nor any error or log shows the token, a key or a value.
///
/// # Examples
///
/// ```no_run
/// use std::sync::Arc;
///
/// use cache_runtime::{CloudflareBackend, KvCacheService};
///
/// # fn connect(token: &str) -> cache_runtime::Result<()> {
/// let backend = CloudflareBackend::builder("account-id", "namespace-id", token).build()?;
/// let cache = KvCacheService::builder(Arc::new(backend)).prefix("app").build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct CloudflareBackend {
    api: Arc<Api>,
}

impl CloudflareBackend {
    /// A backend for a namespace of an account, both by their ids; the token needs the permission
    /// `Workers KV Storage: Edit`.
    pub fn builder(account: &str, namespace: &str, token: &str) -> CloudflareBackendBuilder {
        CloudflareBackendBuilder::new(account, namespace, token)
    }
}

impl fmt::Debug for CloudflareBackend {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CloudflareBackend").finish_non_exhaustive()
    }
}
