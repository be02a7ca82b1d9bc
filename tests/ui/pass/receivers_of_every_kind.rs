#![deny(warnings)]

use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use cache_runtime::{KvCacheService, cached, invalidates};

#[derive(Clone)]
pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "a:<id>", ttl = 300)]
    pub async fn by_value(self, id: u64) -> u64 {
        drop(self);
        id
    }

    #[cached(key = "b:<id>", ttl = 300)]
    pub async fn by_mutable_value(mut self, id: u64) -> u64 {
        self.cache = KvCacheService::in_memory();
        drop(self);
        id
    }

    #[cached(key = "c:<id>", ttl = 300)]
    pub async fn by_mutable_reference(&mut self, id: u64) -> u64 {
        self.cache = KvCacheService::in_memory();
        id
    }

    #[cached(key = "d:<id>", ttl = 300)]
    pub async fn by_arc(self: Arc<Self>, id: u64) -> u64 {
        drop(self);
        id
    }

    #[cached(key = "e:<id>", ttl = 300)]
    pub async fn by_reference_to_arc(self: &Arc<Self>, id: u64) -> u64 {
        id
    }

    #[cached(key = "f:<id>", ttl = 300)]
    pub async fn by_box(self: Box<Self>, id: u64) -> u64 {
        drop(self);
        id
    }

    #[cached(key = "g:<id>", ttl = 300)]
    pub async fn by_rc(self: Rc<Self>, id: u64) -> u64 {
        id
    }

    #[cached(key = "h:<id>", ttl = 300)]
    pub async fn by_pin(self: Pin<&Self>, id: u64) -> u64 {
        id
    }

    #[cached(key = "i:<id>", ttl = 300)]
    pub async fn by_typed_reference(self: &Self, id: u64) -> u64 {
        id
    }

    #[invalidates("a:<id>")]
    pub async fn write_by_value(self, id: u64) {
        drop(self);
        let _ = id;
    }

    #[invalidates("a:<id>")]
    pub async fn write_by_mutable_reference(&mut self, id: u64) {
        self.cache = KvCacheService::in_memory();
        let _ = id;
    }

    #[invalidates("a:<id>")]
    pub async fn write_by_arc(self: Arc<Self>, id: u64) {
        drop(self);
        let _ = id;
    }
}

pub fn main() {}
