#![deny(warnings)]

use cache_runtime::{KeyPart, KvCacheService, cached, invalidates};

#[derive(KeyPart)]
pub struct Slug<'a> {
    text: &'a str,
}

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "slug:<slug>", ttl = 300)]
    pub async fn by_slug(&self, slug: Slug<'_>) -> usize {
        slug.text.len()
    }

    #[invalidates("slug:<slug>")]
    pub async fn update<'a>(&self, slug: &Slug<'a>) {
        let _ = slug;
    }
}

pub fn main() {}
