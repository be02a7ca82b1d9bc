//! The peers, a file each: the hits, and where they can do it, the numbers and the stampede.

mod cached;
mod dashmap;
mod foyer;
mod hitbox;
mod memoize;
mod moka;
mod multi_tier;
mod quick_cache;

use crate::case::Case;
use crate::numbers::Numbers;
use crate::stampede::{Loader, Stampede};

/// Every peer's hits.
pub fn cases() -> Vec<Case> {
    [
        quick_cache::cases(),
        cached::cases(),
        foyer::cases(),
        moka::cases(),
        dashmap::cases(),
        memoize::cases(),
        multi_tier::cases(),
        hitbox::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What makes a cache of numbers with room for so many.
pub type MakeNumbers = fn(usize) -> Numbers;

/// Every bounded peer.
pub fn numbers() -> Vec<MakeNumbers> {
    vec![quick_cache::numbers, foyer::s3_fifo, foyer::lru, moka::numbers, cached::numbers]
}

/// Every peer with an async loader.
pub fn stampedes(fails: bool) -> Vec<Stampede> {
    let make: [fn(&Loader) -> Stampede; 6] = [
        moka::stampede,
        foyer::stampede,
        quick_cache::stampede,
        cached::stampede,
        hitbox::stampede,
        multi_tier::stampede,
    ];
    make.iter().map(|make| make(&Loader::new(fails))).collect()
}
