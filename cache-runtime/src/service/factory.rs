//! Services that share a store and differ in their prefix.

use std::fmt;
use std::sync::Arc;

use super::KvCacheService;
use crate::backend::Backend;
use crate::error::Result;
use crate::key::Prefix;

/// Makes services that share one backend and what this process keeps before it, each with a prefix of its own.
///
/// ```
/// use std::sync::Arc;
/// use cache_runtime::{KvCacheServiceFactory, LocalKvNamespace};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_runtime::Result<()> {
/// let factory = KvCacheServiceFactory::new(Arc::new(LocalKvNamespace::new()));
/// let billing = factory.create("billing")?;
/// billing.set("plan:org-123", &"pro".to_owned(), 300).await?; // stores `billing:plan:org-123`
/// assert_eq!(factory.create("users")?.get::<String>("plan:org-123").await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct KvCacheServiceFactory {
    model: KvCacheService,
}

impl KvCacheServiceFactory {
    /// A factory over `backend`.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self::like(KvCacheService::builder(backend).finish())
    }

    /// A factory of services that share everything but the prefix with `model`: its limits, its codec, its clock.
    #[must_use]
    pub fn like(model: KvCacheService) -> Self {
        Self { model }
    }

    /// A service with this prefix.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidPrefix`](crate::CacheError::InvalidPrefix).
    pub fn create(&self, prefix: &str) -> Result<KvCacheService> {
        Ok(self.model.with_prefix(Prefix::new(prefix)?))
    }
}

impl fmt::Debug for KvCacheServiceFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvCacheServiceFactory").field("backend", &self.model.backend().name()).finish()
    }
}
