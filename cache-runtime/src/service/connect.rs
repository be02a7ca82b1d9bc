//! From a URL to a service.

use super::KvCacheService;
use crate::error::{CacheError, Result};

impl KvCacheService {
    /// A cache at an address, with the prefix `app`.
    ///
    /// | address | cache |
    /// | --- | --- |
    /// | `memory:` | in this process's memory, as [`in_memory`](Self::in_memory) |
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`] for an address that no backend of this build serves. The message names the
    /// scheme only: the rest may hold a password.
    ///
    /// # Examples
    ///
    /// ```
    /// use cache_runtime::KvCacheService;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_runtime::Result<()> {
    /// let cache = KvCacheService::connect("memory:").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[expect(clippy::unused_async, reason = "most backends have to be connected to")]
    pub async fn connect(url: &str) -> Result<Self> {
        let refuse = |message: String| Err(CacheError::Configuration(message));
        match url.split_once(':') {
            Some(("memory", "" | "//")) => Ok(Self::in_memory()),
            Some(("memory", _)) => refuse("a cache in memory has no address: write `memory:`".into()),
            Some((scheme, _)) if is_scheme(scheme) => {
                refuse(format!("no backend for `{scheme}:` in this build; there is `memory:`"))
            }
            _ => refuse("the cache's address is not a URL; for a cache in memory write `memory:`".into()),
        }
    }
}

/// A scheme is short and plain; anything else before a colon may be a secret.
fn is_scheme(text: &str) -> bool {
    text.len() <= 20
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !text.is_empty()
}
