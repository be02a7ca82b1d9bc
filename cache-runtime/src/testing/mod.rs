//! Parts for tests: a clock that is moved by hand, backends that fail as they are told or remember what they were asked
//! for, Cloudflare KV as several locations see it, and checks of a program's keys.
//!
//! [Testing your service](https://docs.rs/crate/cache-runtime/latest/source/docs/testing.md) shows them at work.

mod chance;
#[cfg(any(feature = "cloudflare", feature = "worker"))]
mod edge;
mod faults;
mod recording;
mod wrapped;

#[cfg(any(feature = "cloudflare", feature = "worker"))]
pub use edge::{EdgeLocation, EdgeNetwork, EdgeNetworkBuilder};
pub use faults::{Fault, Faults, FaultyBackend};
pub use recording::{Record, Recording, RecordingBackend};
pub use wrapped::{Operation, Wrapped};

pub use crate::clock::ManualClock;
pub use crate::key_map::assert_key_map_sound;
