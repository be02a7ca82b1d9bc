//! The primitives that the store locks with: one place, so that the race tests can put others here.

pub(super) use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(super) use std::thread_local;

/// Takes a lock. What it guards stays whole under a panic (each change is one assignment, and foreign code
/// runs under it only in a promotion, which changes nothing of the flight), so a poisoned one is used on.
pub(super) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
