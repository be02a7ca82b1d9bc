//! Which KV namespace a program is to use: [`CloudflareContext`].

#[cfg(not(target_family = "wasm"))]
mod server;
#[cfg(target_family = "wasm")]
mod worker;

use std::collections::HashMap;
use std::sync::{Mutex, Once, PoisonError};

#[cfg(not(target_family = "wasm"))]
pub use server::CloudflareContextBuilder;

use crate::backend::LocalKvNamespace;
use crate::kv::KvNamespace;

/// Finds the Cloudflare KV namespace of this program, or stands in for it.
///
/// On a server, from
///
/// - `wrangler.json`, `wrangler.jsonc` or `wrangler.toml` in the working directory or the nearest one above it: the
///   `id` of a binding in `kv_namespaces`, of an environment `[env.NAME]` if one is asked for, and `account_id`;
/// - the environment variables `CLOUDFLARE_API_TOKEN`, `CLOUDFLARE_ACCOUNT_ID` (instead of `account_id`),
///   `CLOUDFLARE_ENV` (the environment) and `CLOUDFLARE_API_BASE_URL`: wrangler's own.
///
/// In a Worker (feature `worker`, on wasm32), from its environment: `CloudflareContext::from_env(&env, "CACHE")`.
///
/// Where there is neither a namespace nor a token nor an account, a namespace in this process's memory stands in, the
/// same one for each name of a binding as long as the process lives, and a line at the level `info` says so, once. Half
/// a configuration is an error: it would go unnoticed until the values are missed.
///
/// # Examples
///
#[cfg_attr(not(target_family = "wasm"), doc = "```")]
#[cfg_attr(target_family = "wasm", doc = "```ignore")]
/// use cache_runtime::CloudflareContext;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_runtime::Result<()> {
/// # let empty = std::env::temp_dir();
/// let kv = CloudflareContext::builder().binding("CACHE").variables(|_| None).directory(empty).kv()?;
/// let _ = kv.put("greeting", "hello").execute().await?;
/// assert_eq!(kv.get("greeting").text().await?.as_deref(), Some("hello"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct CloudflareContext(());

/// The stand-in for a binding, the same one for as long as the process lives; the first time it also `says` so.
fn facade(binding: &str, say: impl FnOnce(&str)) -> KvNamespace {
    static SAID: Once = Once::new();
    static FACADES: Mutex<Option<HashMap<String, LocalKvNamespace>>> = Mutex::new(None);
    SAID.call_once(|| say("[CloudflareContext] KV not available, using in-memory local facade"));
    // A panic can only come before or after the change.
    let mut facades = FACADES.lock().unwrap_or_else(PoisonError::into_inner);
    facades.get_or_insert_default().entry(binding.into()).or_default().clone().into()
}
