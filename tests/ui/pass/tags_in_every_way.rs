//! Tags in every way.

use std::collections::BTreeMap;

use cache_runtime::{KvCacheService, cache_tag, cached, caching, invalidates, updates};

/// All that belongs to a user.
#[cache_tag("user:<user_id>")]
pub fn user_tag(user_id: u64);

/// Everything.
#[cache_tag("everything")]
pub fn everything();

/// A service.
pub struct Projects<'a> {
    cache: KvCacheService,
    tenant: &'a str,
}

impl<'a> Projects<'a> {
    /// A tag by a declaration inside of the type.
    #[cache_tag("team:<team>")]
    pub fn team_tag(team: &str);

    /// One project.
    #[cached(
        key = "project:<self.tenant>:<slug>:<user_id>",
        ttl = 300,
        tags = ["slug:<slug>", "tenant:<self.tenant>", user_tag(user_id), everything(), Self::team_tag(&slug)]
    )]
    pub async fn get(&self, slug: String, user_id: u64) -> Option<String> {
        let _ = user_id;
        Some(slug)
    }

    /// Changes one.
    #[invalidates("project:<self.tenant>:<slug>:<user_id>", tags = ["slug:<slug>", user_tag(user_id)], strict)]
    pub async fn change(&self, slug: &str, user_id: u64) -> Result<u64, cache_runtime::CacheError> {
        let _ = slug;
        Ok(user_id)
    }

    /// Stores one.
    #[updates(
        "project:<self.tenant>:<slug>:<user_id>",
        tags = ["slug:<slug>", "tenant:<self.tenant>", user_tag(user_id), everything(), Self::team_tag(&slug)]
    )]
    pub async fn put(&self, slug: String, user_id: u64) -> Option<String> {
        let _ = user_id;
        Some(slug)
    }

    /// Changes what it returns.
    #[invalidates(tags = ["slug:<ret.0>", user_tag(ret.1)])]
    pub async fn change_some(&self) -> Result<(String, u64), String> {
        Ok((String::new(), 1))
    }
}

/// Another service.
pub struct Members {
    cache: KvCacheService,
}

#[caching(ttl = 300)]
impl Members {
    /// One member.
    #[cached(key = "member:<id>", tags = ["members:<id>", user_tag(id)])]
    pub async fn get(&self, id: u64) -> u64 {
        id
    }

    /// Many of them.
    #[cached(key = "member:<id>", each(id in ids), tags = ["members:<id>", user_tag(id)])]
    pub async fn get_many(&self, ids: &[u64]) -> BTreeMap<u64, u64> {
        ids.iter().map(|id| (*id, *id)).collect()
    }

    /// The name of one.
    #[cached(key = "name:<id>", tags = ["members:<id>"], stale_while_revalidate = 5)]
    pub async fn name(&self, id: u64) -> String
    where
        Self: Clone,
    {
        id.to_string()
    }

    /// Changes one.
    #[invalidates(tags = ["members:<id>"], when = "always")]
    pub async fn change(&self, id: u64) -> Result<(), String> {
        let _ = id;
        Ok(())
    }
}

impl Clone for Members {
    fn clone(&self) -> Self {
        Self { cache: self.cache.clone() }
    }
}

pub fn main() {}
