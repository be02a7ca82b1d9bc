//! What the sources under test use of keys.

#[path = "../../cache-runtime/src/key/identity.rs"]
mod identity;

pub(crate) use identity::{Form, Head, Identity, Rest};
