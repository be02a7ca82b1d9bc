//! The tables, a file each.

pub mod growth;
pub mod hits;
pub mod memory;
pub mod ratio;
pub mod stampede;
pub mod threads;
