//! What a backend pushes: changes that anybody made, soon after they were made.

use std::sync::Weak;

use super::{Hearing, Store};
use crate::backend::InvalidationSink;

/// The store's ear for pushes. A push does not cut off flights, as a change that is told before it returns does: the
/// load that a flight is busy with pushes too, by its lease and its fill. It keeps them from being promoted.
pub(super) struct Pushed(pub(super) Weak<Store>);

impl InvalidationSink for Pushed {
    fn changed(&self, key: &str) {
        if let Some(store) = self.0.upgrade() {
            store.forget(key, Hearing::Pushed);
        }
    }

    fn changed_prefix(&self, full_prefix: &str) {
        if let Some(store) = self.0.upgrade() {
            store.forget_prefix(full_prefix, Hearing::Pushed);
        }
    }
}
