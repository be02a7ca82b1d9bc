//! What is cached, and under which keys.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How many entries every cache holds while hits are measured; many fewer than each has room for.
pub const ENTRIES: usize = 1_024;

/// The room of each cache, where it is bounded.
pub const CAPACITY: u32 = 100_000;

/// The time to live, in seconds, where there is one.
pub const TTL: u64 = 3_600;

/// The parts of the three-part key beside the id.
pub const ORG: u64 = 42;
pub const SLUG: &str = "the-twenty-byte-slug";

/// About 200 bytes of JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, hitbox_fn::CacheableResponse)]
pub struct Project {
    pub id: u64,
    pub name: String,
    pub tags: Vec<String>,
    pub created: u64,
}

impl Project {
    /// What the loaders return.
    pub fn load(id: u64) -> Self {
        Self {
            id,
            name: format!("A project with a name of some sixty letters, like {id:08}"),
            tags: vec![
                "quarterly-report-for-the-board".to_owned(),
                "approved-by-finance-and-legal".to_owned(),
            ],
            created: 1_767_225_600 + id,
        }
    }

    /// The same, shared.
    pub fn load_shared(id: u64) -> Arc<Self> {
        Arc::new(Self::load(id))
    }
}

/// The ids of all entries.
pub fn ids() -> impl Iterator<Item = u64> + Clone {
    (1_000_000..).take(ENTRIES)
}

/// The text key of one part.
pub fn text(id: u64) -> String {
    format!("project:{id}")
}

/// The text key of three parts.
pub fn three_parts(id: u64) -> String {
    format!("project:{ORG}:{SLUG}:{id}")
}

/// The source is down.
#[derive(Debug, Clone)]
pub struct Down;

impl std::fmt::Display for Down {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the source is down")
    }
}

impl std::error::Error for Down {}
