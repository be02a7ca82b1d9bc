//! What the tests share.

pub mod elsewhere;
pub mod workerd;
