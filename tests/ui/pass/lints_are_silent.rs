//! Every attribute, under every lint that a careful author turns on.

#![deny(warnings, missing_docs, unused, clippy::pedantic, unreachable_pub, rust_2018_idioms)]
#![deny(missing_debug_implementations, unused_qualifications, unused_lifetimes, single_use_lifetimes)]
#![deny(clippy::all, clippy::unwrap_used, clippy::allow_attributes, clippy::allow_attributes_without_reason)]

use cache_runtime::{KvCacheService, cache_key, cached, invalidates, updates};

/// A title, by page.
#[cache_key("title:<page>", ttl = 60, version = 2)]
pub fn title_key(page: u64) -> String;

/// The projects.
#[derive(Debug)]
pub struct Projects {
    cache: KvCacheService,
    tenant: String,
}

impl Projects {
    /// The projects of a tenant.
    #[must_use]
    pub fn new(tenant: String) -> Self {
        Self { cache: KvCacheService::in_memory(), tenant }
    }

    /// One project.
    #[cached(key = "project:<self.tenant>:<id>", ttl = "5m", none_ttl = 5, version = 3)]
    pub async fn get(&self, id: u64) -> Option<String> {
        Some(format!("{} {id}", self.tenant))
    }

    /// A key of many parts, and a tag of as many.
    #[cached(
        key = "place:<self.tenant>:<at.0>:<at.1>:<at.2>:<at.3>:<at.4>:<at.5>:<at.6>",
        tags = ["near:<self.tenant>:<at.0>:<at.1>:<at.2>:<at.3>:<at.4>:<at.5>:<at.6>"],
        ttl = 60
    )]
    pub async fn place(&self, at: (u8, u8, u8, u8, u8, u8, u8)) -> u8 {
        at.0
    }

    /// The title of a page.
    #[cached(title_key(page))]
    pub async fn title(&self, page: u64) -> String {
        page.to_string()
    }

    /// Writes one project.
    ///
    /// # Errors
    ///
    /// Never.
    #[invalidates("project:<self.tenant>:<id>", title_key(id))]
    pub async fn update(&self, id: u64, name: &str) -> Result<(), String> {
        let _ = (id, name);
        Ok(())
    }

    /// Replaces one project.
    #[updates("project:<self.tenant>:<id>")]
    pub async fn replace(&self, id: u64, name: String) -> String {
        let _ = id;
        name
    }
}

/// Calls them.
pub fn main() {
    let projects = Projects::new("acme".to_owned());
    drop((projects.get(1), projects.title(1), projects.update(1, ""), projects.replace(1, String::new())));
}
