#![deny(warnings)]

use cache_runtime::{KvCacheService, RawPart, cached, invalidates};

pub struct Team {
    pub id: u64,
}

pub struct User {
    pub name: String,
    pub team: Team,
}

pub struct Projects {
    pub cache: KvCacheService,
    pub names: (String, u8),
}

impl Projects {
    const KIND: &'static str = "project";

    #[cached(key = "a:<pair.0>:<pair.1>", ttl = 300)]
    pub async fn index(&self, pair: (u64, String)) -> u64 {
        pair.0
    }

    #[cached(key = "b:<user.team.id>/<user.name>", ttl = 300)]
    pub async fn fields(&self, user: &User) -> u64 {
        user.team.id
    }

    #[cached(key = "c:<Self::KIND>:<user = user_id>", ttl = 300)]
    pub async fn renamed(&self, user_id: u64) -> u64 {
        user_id
    }

    #[cached(key = "d:<self.names.0>|<r#type>#<on>", ttl = 300)]
    pub async fn raw(&self, r#type: &str, on: bool) -> u64 {
        u64::from(on) + r#type.len() as u64
    }

    #[cached(key = "<<e>>:<id>:<path>", ttl = 300)]
    pub async fn brackets(&self, id: i8, path: RawPart<String>) -> u64 {
        let _ = path;
        id.unsigned_abs().into()
    }

    #[invalidates("a:<pair.0>:<pair.1>", "c:<Self::KIND>:<user>", "d:<self.names.0>|<r#type>#<on>")]
    pub async fn update(&self, pair: (u64, &str), user: u64, r#type: String, on: bool) {
        let _ = (pair, user, r#type, on);
    }

    #[invalidates("<<e>>:<id>:<path>")]
    pub async fn rename(&self, id: i8, path: RawPart<&str>) {
        let _ = (id, path);
    }
}

pub fn main() {}
