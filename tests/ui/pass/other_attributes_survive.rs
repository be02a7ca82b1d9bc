#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    /// Reads a project.
    #[deprecated = "use another"]
    #[cached(key = "project:<id>", ttl = 300)]
    #[must_use = "it was loaded for you"]
    #[allow(clippy::unused_async)]
    #[doc(alias = "fetch")]
    #[inline]
    pub async fn get(&self, #[allow(unused_variables)] id: u64) -> u64 {
        0
    }

    /// Writes a project.
    #[invalidates("project:<id>")]
    #[cfg_attr(all(), expect(unused_mut, reason = "it survives"))]
    pub async fn update(&self, id: u64) -> u64 {
        let mut copy = id;
        copy
    }
}

pub fn main() {
    let projects = Projects { cache: KvCacheService::in_memory() };
    #[expect(deprecated, reason = "the attribute survives")]
    drop(projects.get(1));
}
