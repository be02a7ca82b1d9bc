#![deny(warnings)]

use std::rc::Rc;

use cache_runtime::{KvCacheService, cached, invalidates};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "a:<id>", ttl = 300)]
    pub async fn error_is_not_send(&self, id: u64) -> Result<u64, Rc<str>> {
        if id == 0 { Err("zero".into()) } else { Ok(id) }
    }

    #[cached(key = "b:<id>", ttl = 300, skip(names))]
    pub async fn future_is_not_send(&self, id: u64, names: Rc<[u64]>) -> u64 {
        async {}.await;
        id + names.len() as u64
    }

    #[invalidates("a:<id>")]
    pub async fn write(&self, id: u64, by: Rc<str>) -> Result<(), Rc<str>> {
        let _ = id;
        Err(by)
    }
}

fn is_send<T: Send>(value: T) -> T {
    value
}

pub fn main() {
    let projects = Projects { cache: KvCacheService::in_memory() };
    drop(is_send(projects.error_is_not_send(1)));
}
