//! Cache-aside for async services: typed keys that the compiler checks, over memory, Redis or Cloudflare KV.

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod backend;
mod call;
mod classify;
mod clock;
mod codec;
#[doc(hidden)]
pub mod declared;
mod error;
mod key;
mod key_map;
mod rt;
mod service;
mod store;
mod ttl;
mod value;

pub use backend::*;
pub use cache_macros::{KeyPart, cache_key, cached, caching, invalidates, updates};
pub use call::{Always, CallSite, CallSiteKind, CallSiteStats, Condition, Policy, call_sites};
pub use clock::Clock;
pub use codec::Codec;
pub use error::{BackendError, BoxError, CacheError, InvalidKey, Result};
pub use key::{AsKey, IntoKey, Key, KeyPart, KindIs, MAX_KEY_LEN, PartWriter, Prefix, RawPart};
pub use key_map::{KeyMap, KeyMapEntry, key_map};
pub use service::{
    DEFAULT_PREFIX, DEFAULT_VALUE_LIMIT, KvCacheService, KvCacheServiceBuilder, KvCacheServiceFactory,
};
pub use store::LocalTier;
pub use ttl::Ttl;
pub use value::Value;

/// Parts for tests.
pub mod testing {
    pub use crate::clock::ManualClock;
    pub use crate::key_map::assert_key_map_sound;
}
