//! What the tests share.

pub mod workerd;
