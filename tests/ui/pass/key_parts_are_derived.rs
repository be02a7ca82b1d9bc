#![deny(warnings)]

use cache_runtime::{KeyPart, KvCacheService, cache_key, cached, invalidates};

#[derive(Debug, Clone, Copy, PartialEq, Eq, KeyPart)]
pub struct UserId(u64);

#[derive(KeyPart)]
pub struct Id<T: KeyPart>(T);

#[derive(KeyPart)]
#[allow(non_camel_case_types)]
pub enum Kind {
    Small,
    r#type,
}

#[cache_key("title:<id>", ttl = 60)]
pub fn title_key(id: Id<String>) -> u64;

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "user:<id>:<kind>", ttl = 300)]
    pub async fn get(&self, id: UserId, kind: Kind) -> u64 {
        drop(kind);
        id.0
    }

    #[invalidates("user:<id>:<kind>", title_key(Id("a".to_owned())))]
    pub async fn update(&self, id: UserId, kind: &Kind) {
        let _ = (id, kind);
    }
}

pub fn main() {
    assert_eq!(Projects::get_key(UserId(7), Kind::r#type).as_str(), "user:7:type");
    assert_eq!(title_key(Id("a b".to_owned())).as_str(), "title:a%20b");
}
