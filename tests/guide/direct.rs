//! Calls without attributes, as of a `KVCacheService`.

use std::sync::Arc;

use cache_runtime::{KvCacheServiceFactory, LocalKvNamespace, Result};

pub(crate) async fn calls() -> Result<()> {
    let factory = KvCacheServiceFactory::new(Arc::new(LocalKvNamespace::new()));
    let cache = factory.create("billing")?;

    cache.set("plan:7", &"pro".to_owned(), 300).await?; // stored as `billing:plan:7`
    assert_eq!(cache.get::<String>("plan:7").await?.as_deref(), Some("pro"));
    assert!(cache.exists("plan:7").await?);
    assert_eq!(cache.keys("plan:*").await?, ["plan:7"]);
    assert_eq!(cache.increment("invoices", 2).await?, 2);
    assert_eq!(cache.decrement("invoices", 1).await?, 1);
    assert!(cache.delete("plan:7").await?);
    assert_eq!(cache.delete_many(["plan:7", "invoices"]).await?, 1);
    assert_eq!(cache.clear().await?, 0); // of `billing:`, and of nothing else
    Ok(())
}
