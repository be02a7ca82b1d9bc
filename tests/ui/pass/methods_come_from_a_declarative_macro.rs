#![deny(warnings)]

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

macro_rules! getter {
    ($name:ident, $update:ident, $key:literal, $id:ident: $type:ty => $value:ty, $body:expr) => {
        impl Projects {
            #[cached(key = $key, ttl = 300)]
            pub async fn $name(&self, $id: $type) -> $value {
                $body
            }

            #[invalidates($key)]
            pub async fn $update(&self, $id: $type) {
                let _ = $id;
            }
        }
    };
}

getter!(name, set_name, "name:<id>", id: u64 => Option<String>, Some(id.to_string()));
getter!(size, set_size, "size:<slug>", slug: &str => u64, slug.len() as u64);

pub fn main() {}
