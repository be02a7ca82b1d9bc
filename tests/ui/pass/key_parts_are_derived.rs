#![deny(warnings)]

use cache_runtime::{KeyPart, KvCacheService, cache_key, cached, invalidates};

#[derive(Debug, Clone, Copy, PartialEq, Eq, KeyPart)]
pub struct UserId(u64);

#[derive(KeyPart)]
pub struct Slug<'a> {
    text: &'a str,
}

#[derive(KeyPart)]
pub struct Id<T: KeyPart>(T);

#[derive(KeyPart)]
#[allow(non_camel_case_types)]
pub enum Kind {
    Small,
    r#type,
}

#[cache_key("title:<id>", ttl = 60)]
pub fn title_key(id: Id<&str>) -> u64;

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "user:<id>:<kind>", ttl = 300)]
    pub async fn get(&self, id: UserId, kind: Kind) -> u64 {
        drop(kind);
        id.0
    }

    #[cached(key = "slug:<slug>", ttl = 300)]
    pub async fn by_slug(&self, slug: Slug<'_>) -> usize {
        slug.text.len()
    }

    #[invalidates("user:<id>:<kind>", "slug:<slug>", title_key(Id("a")))]
    pub async fn update(&self, id: UserId, kind: &Kind, slug: &Slug<'_>) {
        let _ = (id, kind, slug);
    }
}

fn main() {
    assert_eq!(Projects::get_key(UserId(7), Kind::r#type).as_str(), "user:7:type");
    assert_eq!(title_key(Id("a b")).as_str(), "title:a%20b");
}
