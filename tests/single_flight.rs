//! The cached call under concurrency, over memory: one load for all who miss a key at once, an end for every call
//! whatever becomes of its leader, and no value from before a change for who comes after it.

#[path = "single_flight/changes.rs"]
mod changes;
#[path = "single_flight/circles.rs"]
mod circles;
#[path = "single_flight/herd.rs"]
mod herd;
#[path = "single_flight/leaders.rs"]
mod leaders;
#[path = "single_flight/shop.rs"]
mod shop;
#[path = "single_flight/types.rs"]
mod types;
#[path = "single_flight/ways.rs"]
mod ways;
