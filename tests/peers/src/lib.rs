//! What both programs need, and the caches over Redis.
//!
//! Those are measured by a program of their own: in this package's other one, an allocator counts, which costs each
//! allocation more than the allocation.

pub mod flags;
pub mod redis;
pub mod table;
pub mod value;
