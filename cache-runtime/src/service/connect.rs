//! From a URL to a service.

use super::KvCacheService;
use crate::error::{CacheError, Result};

impl KvCacheService {
    /// A cache at an address, with the prefix `app`.
    ///
    /// | address | cache |
    /// | --- | --- |
    /// | `memory:` | in this process's memory, as [`in_memory`](Self::in_memory) |
    /// | `redis:`, `rediss:`, `unix:`, `redis+unix:`, `redis+cluster:`, `redis+sentinel:` and the same with `valkey` | Redis or Valkey, with the feature `redis`; see `RedisBackendBuilder` |
    /// | `cloudflare://ACCOUNT/NAMESPACE` | Cloudflare KV by the ids of the account and the namespace, with the feature `cloudflare`; the token is `CLOUDFLARE_API_TOKEN` of the environment |
    /// | `cloudflare:` | Cloudflare KV as wrangler's configuration and the environment say, see `CloudflareContext`; without its stand-in in memory |
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`] for an address that no backend of this build serves. The message names the
    /// scheme only: the rest may hold a password. [`CacheError::Backend`] where the server cannot be reached.
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
    #[cfg_attr(
        any(not(feature = "redis"), target_family = "wasm"),
        expect(clippy::unused_async, reason = "most backends have to be connected to")
    )]
    pub async fn connect(url: &str) -> Result<Self> {
        let refuse = |message: String| Err(CacheError::Configuration(message));
        match url.split_once(':') {
            Some(("memory", "" | "//")) => Ok(Self::in_memory()),
            Some(("memory", _)) => refuse("a cache in memory has no address: write `memory:`".into()),
            #[cfg(all(feature = "redis", not(target_family = "wasm")))]
            Some((scheme, _)) if REDIS_SCHEMES.contains(&scheme) => {
                let backend = crate::backend::RedisBackend::builder(url).connect().await?;
                Self::builder(std::sync::Arc::new(backend)).prefix("app").build()
            }
            #[cfg(all(feature = "cloudflare", not(target_family = "wasm")))]
            Some(("cloudflare", address)) => {
                let backend = cloudflare(address, &crate::CloudflareContext::builder())?;
                Self::builder(std::sync::Arc::new(backend)).prefix("app").build()
            }
            #[cfg(all(not(feature = "cloudflare"), not(target_family = "wasm")))]
            Some(("cloudflare", _)) => refuse(
                "`cloudflare:` needs the feature `cloudflare` of `cache-runtime`; turn it on in `Cargo.toml`"
                    .into(),
            ),
            #[cfg(all(not(feature = "redis"), not(target_family = "wasm")))]
            Some((scheme, _)) if REDIS_SCHEMES.contains(&scheme) => refuse(format!(
                "`{scheme}:` needs the feature `redis` of `cache-runtime`; turn it on in `Cargo.toml`"
            )),
            Some((scheme, _)) if is_scheme(scheme) => {
                refuse(format!("no backend for `{scheme}:` in this build; there is `memory:`"))
            }
            _ => refuse("the cache's address is not a URL; for a cache in memory write `memory:`".into()),
        }
    }
}

/// The namespace at the rest of a `cloudflare:` address.
#[cfg(all(feature = "cloudflare", not(target_family = "wasm")))]
fn cloudflare(
    address: &str,
    context: &crate::CloudflareContextBuilder,
) -> Result<crate::backend::CloudflareBackend> {
    let refuse = |message: &str| CacheError::Configuration(message.into());
    if matches!(address, "" | "//") {
        return context.backend()?.ok_or_else(|| {
            refuse(
                "`cloudflare:` finds no KV namespace: bind one in `wrangler.toml` and set `CLOUDFLARE_API_TOKEN`, or \
                 write `cloudflare://ACCOUNT/NAMESPACE`",
            )
        });
    }
    // The message does not show it: somebody may have put the token there.
    let ids = address.strip_prefix("//").and_then(|ids| ids.split_once('/'));
    let (account, namespace) = ids
        .filter(|(account, namespace)| {
            !account.is_empty() && !namespace.is_empty() && !address.contains(['@', '?'])
        })
        .ok_or_else(|| refuse("the address is not of the form `cloudflare://ACCOUNT/NAMESPACE`"))?;
    context.by_ids(account, namespace)
}

/// What Redis and Valkey are found under.
#[cfg(not(target_family = "wasm"))]
const REDIS_SCHEMES: [&str; 15] = [
    "redis",
    "rediss",
    "redis+unix",
    "redis+cluster",
    "rediss+cluster",
    "redis+sentinel",
    "rediss+sentinel",
    "unix",
    "valkey",
    "valkeys",
    "valkey+unix",
    "valkey+cluster",
    "valkeys+cluster",
    "valkey+sentinel",
    "valkeys+sentinel",
];

/// A scheme is short and plain; anything else before a colon may be a secret.
fn is_scheme(text: &str) -> bool {
    text.len() <= 20
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        && !text.is_empty()
}

#[cfg(all(test, not(feature = "redis")))]
mod tests {
    use super::KvCacheService;

    #[tokio::test]
    async fn an_address_of_redis_names_the_feature_that_is_off() {
        let error = KvCacheService::connect("redis://:secret@127.0.0.1").await.expect_err("it is off");
        assert_eq!(
            error.to_string(),
            "configuration: `redis:` needs the feature `redis` of `cache-runtime`; turn it on in `Cargo.toml`"
        );
    }
}
