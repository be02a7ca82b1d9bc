//! What the tests share.

pub mod at_build;
pub mod elsewhere;
pub mod workerd;
