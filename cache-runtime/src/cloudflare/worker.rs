//! The namespace of a Worker, by its environment.

use std::sync::Arc;

use worker::Env;

use super::CloudflareContext;
use crate::backend::WorkerBackend;
use crate::error::Result;
use crate::kv::KvNamespace;

impl CloudflareContext {
    /// The namespace that the Worker's configuration (`[[kv_namespaces]]`) binds to a name. Where nothing has that name, a
    /// namespace in the memory of the Worker's instance stands in, as long as that lives, and a line in the console says
    /// so, once.
    ///
    /// # Errors
    ///
    /// [`CacheError::Configuration`](crate::CacheError::Configuration) where something else than a KV namespace has the
    /// name.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use cache_runtime::{CloudflareContext, KvCacheService};
    ///
    /// # fn cache(env: &worker::Env) -> cache_runtime::Result<KvCacheService> {
    /// let kv = CloudflareContext::from_env(env, "CACHE")?;
    /// let cache = KvCacheService::builder(kv.backend().clone()).build()?;
    /// # Ok(cache)
    /// # }
    /// ```
    pub fn from_env(env: &Env, binding: &str) -> Result<KvNamespace> {
        match WorkerBackend::of_binding(env, binding)? {
            Some(backend) => Ok(KvNamespace::new(Arc::new(backend))),
            None => Ok(super::facade(binding, |line| worker::console_log!("{line}"))),
        }
    }
}
