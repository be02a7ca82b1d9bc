//! What a load is given beside its key: a time to live by the value, jitter, a limit, and stale values (RFC 5861).

#[path = "stale/error.rs"]
mod error;
#[path = "stale/refresh.rs"]
mod refresh;
#[path = "stale/shop.rs"]
mod shop;
#[path = "stale/ttl.rs"]
mod ttl;
