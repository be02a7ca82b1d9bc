//! The arguments that belong to a load, on functions of every kind.

use std::sync::Arc;

use cache_runtime::{CacheError, KvCacheService, Ttl, cached};

#[derive(Debug, Clone)]
pub struct Failure;

impl From<CacheError> for Failure {
    fn from(_: CacheError) -> Self {
        Self
    }
}

#[derive(Clone)]
pub struct Projects {
    cache: KvCacheService,
}

fn by_length(value: &str) -> u64 {
    value.len() as u64
}

impl Projects {
    #[cached(key = "a:<id>:<name>", ttl = 60, stale_while_revalidate = 60, skip(ids))]
    pub async fn borrowed(&self, id: u64, name: &str, ids: &[u64], _: &'static str) -> String {
        format!("{id}{name}{ids:?}")
    }

    #[cached(key = "b:<id>", ttl = 60, stale_while_revalidate = "1m", stale_if_error = Ttl::NEVER, timeout = "1s")]
    pub async fn owned(self: Arc<Self>, mut id: u64) -> Result<Option<String>, Failure> {
        id += 1;
        Ok(Some(id.to_string()))
    }

    #[cached(key = "c:<id>", ttl_from = |value: &String| by_length(value), ttl_jitter = "100%")]
    pub async fn by_value(self, id: String) -> String {
        id
    }

    #[cached(key = "d:<kind>", ttl = 60, stale_while_revalidate = 60)]
    pub async fn generic<T>(&self, kind: T) -> String
    where
        T: cache_runtime::KeyPart + ToString + Clone + Send + Sync + 'static,
    {
        kind.to_string()
    }
}

#[cached(key = "free:<id>", ttl = 60, cache = cache, stale_while_revalidate = 60)]
pub async fn free(cache: &KvCacheService, id: &str) -> String {
    id.to_owned()
}

pub fn main() {}
