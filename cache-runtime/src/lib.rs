#![doc = include_str!("../docs/crate.md")]

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod backend;
mod call;
mod classify;
mod clock;
#[cfg(any(
    all(feature = "cloudflare", not(target_family = "wasm")),
    all(feature = "worker", target_family = "wasm")
))]
mod cloudflare;
mod codec;
#[doc(hidden)]
pub mod declared;
mod error;
mod expand;
mod key;
mod key_map;
mod kv;
#[cfg(feature = "metrics")]
mod metrics;
mod pieces;
mod rate_limit;
mod rt;
mod seldom;
mod service;
#[cfg(feature = "session")]
mod session;
mod signal;
mod store;
pub mod testing;
mod thread;
mod together;
mod ttl;
mod unique;
mod value;

pub use backend::*;
#[doc = include_str!("../docs/key_part.md")]
pub use cache_macros::KeyPart;
#[doc = include_str!("../docs/cache_key.md")]
pub use cache_macros::cache_key;
#[doc = include_str!("../docs/cache_tag.md")]
pub use cache_macros::cache_tag;
#[doc = include_str!("../docs/cached.md")]
pub use cache_macros::cached;
#[doc = include_str!("../docs/caching.md")]
pub use cache_macros::caching;
#[doc = include_str!("../docs/invalidates.md")]
pub use cache_macros::invalidates;
#[doc = include_str!("../docs/updates.md")]
pub use cache_macros::updates;
pub use call::{Always, CallSite, CallSiteKind, CallSiteStats, Condition, Policy, call_sites};
pub use clock::Clock;
#[cfg(any(
    all(feature = "cloudflare", not(target_family = "wasm")),
    all(feature = "worker", target_family = "wasm")
))]
pub use cloudflare::CloudflareContext;
#[cfg(all(feature = "cloudflare", not(target_family = "wasm")))]
pub use cloudflare::CloudflareContextBuilder;
pub use codec::Codec;
pub use error::{BackendError, BoxError, CacheError, InvalidKey, Result};
pub use key::{AsKey, IntoKey, Key, KeyPart, MAX_KEY_LEN, PartWriter, Prefix, RawPart, Tag};
pub use key_map::{KeyMap, KeyMapEntry, key_map};
pub use kv::{KvGet, KvGetBulk, KvKey, KvList, KvMetadata, KvNamespace, KvPage, KvPut, WithMetadata};
#[cfg(feature = "metrics")]
pub use metrics::publish_metrics;
#[cfg(feature = "tower")]
pub use rate_limit::{RateLimitLayer, RateLimited};
pub use rate_limit::{RateLimiter, RateLimiterBuilder};
pub use service::{
    DEFAULT_PREFIX, DEFAULT_VALUE_LIMIT, KvCacheService, KvCacheServiceBuilder, KvCacheServiceFactory,
    Unfinished,
};
#[cfg(all(feature = "tower-sessions", not(target_family = "wasm")))]
pub use session::TowerSessionStore;
#[cfg(feature = "session")]
pub use session::{Session, SessionStore, SessionStoreBuilder, SessionToken};
pub use store::LocalTier;
pub use ttl::Ttl;
pub use value::Value;

/// The code of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
