//! What a service keeps in this process.

mod flight;
mod local_tier;
mod sync;

pub use local_tier::LocalTier;

#[cfg(test)]
mod flight_tests;
#[cfg(test)]
mod local_tier_tests;
