use cache_runtime::{KvCacheService, cache_tag, cached};

#[cache_tag("tenant:<tenant>")]
fn tenant_tag(tenant: &str);

struct User {
    id: u64,
    org_id: u64,
}

struct Projects {
    cache: KvCacheService,
    tenant: String,
}

impl Projects {
    #[cached(key = "project:<id>", ttl = 300, tags = ["tenant:<self.tenant>"])]
    async fn get(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "title:<id>", ttl = 300, tags = [tenant_tag(&self.tenant)])]
    async fn title(&self, id: u64) -> u64 {
        id
    }

    #[cached(key = "user:<user.id>", ttl = 300, tags = ["org:<user.org_id>"])]
    async fn of_user(&self, user: &User) -> u64 {
        user.id
    }
}

fn main() {}
