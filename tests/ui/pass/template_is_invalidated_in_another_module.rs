#![deny(warnings)]

use cache_runtime::{KvCacheService, cached};

pub struct Projects {
    pub cache: KvCacheService,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300)]
    async fn get(&self, id: u64) -> String {
        id.to_string()
    }
}

mod writes {
    use cache_runtime::{invalidates, updates};

    impl super::Projects {
        #[invalidates("project:<id>")]
        pub(super) async fn update(&self, id: u64) {
            let _ = id;
        }

        #[updates("project:<id>")]
        pub(super) async fn replace(&self, id: u64) -> Result<String, std::io::Error> {
            Ok(id.to_string())
        }
    }
}

pub fn main() {
    let projects = Projects { cache: KvCacheService::in_memory() };
    drop((projects.get(1), projects.update(1), projects.replace(1)));
}
