//! Parts for tests: a clock that is moved by hand, and checks of a program's keys.

pub use crate::clock::ManualClock;
pub use crate::key_map::assert_key_map_sound;
