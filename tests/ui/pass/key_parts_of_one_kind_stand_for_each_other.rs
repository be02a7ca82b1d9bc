#![deny(warnings)]

use std::borrow::Cow;
use std::sync::Arc;

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<slug>", ttl = 300)]
    pub async fn get(&self, slug: &str) -> String {
        slug.to_owned()
    }

    #[invalidates("project:<slug>")]
    pub async fn by_string(&self, slug: String) {
        drop(slug);
    }

    #[invalidates("project:<slug>")]
    pub async fn by_reference(&self, slug: &String) {
        let _ = slug;
    }

    #[invalidates("project:<slug>")]
    pub async fn by_arc(&self, slug: Arc<str>) {
        drop(slug);
    }

    #[invalidates("project:<slug>")]
    pub async fn by_cow(&self, slug: Cow<'static, str>) {
        drop(slug);
    }

    #[invalidates("project:<ret>")]
    pub async fn by_result(&self) -> Result<Option<String>, ()> {
        Ok(None)
    }
}

pub fn main() {}
