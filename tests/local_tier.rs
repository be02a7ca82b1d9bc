//! The local tier through annotated methods: what a hit costs, how long it lasts, and that a tier of any size, or
//! none, changes nothing of what is served.

#[expect(dead_code, reason = "here it only counts")]
#[path = "faults/backend.rs"]
mod backend;
#[path = "local_tier/by_reference.rs"]
mod by_reference;
#[path = "local_tier/capacity.rs"]
mod capacity;
#[path = "local_tier/cost.rs"]
mod cost;
#[path = "local_tier/time.rs"]
mod time;
#[path = "local_tier/types.rs"]
mod types;
#[path = "local_tier/world.rs"]
mod world;
