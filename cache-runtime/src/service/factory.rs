//! Services that share a backend and differ in their prefix.

use std::fmt;
use std::sync::Arc;

use super::KvCacheService;
use crate::backend::Backend;
use crate::error::Result;

/// Makes services that share one backend, each with a prefix of its own.
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
    backend: Arc<dyn Backend>,
}

impl KvCacheServiceFactory {
    /// A factory over `backend`.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }

    /// A service with this prefix.
    ///
    /// # Errors
    ///
    /// [`CacheError::InvalidPrefix`](crate::CacheError::InvalidPrefix).
    pub fn create(&self, prefix: &str) -> Result<KvCacheService> {
        KvCacheService::builder(Arc::clone(&self.backend)).prefix(prefix).build()
    }
}

impl fmt::Debug for KvCacheServiceFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvCacheServiceFactory").field("backend", &self.backend.name()).finish()
    }
}
