//! What the store synchronizes with: one place, so that the race tests can put others here.

pub(crate) use std::sync::atomic::AtomicU64;
pub(super) use std::sync::{Arc, OnceLock, RwLock, Weak};
pub(crate) use std::sync::{Mutex, MutexGuard};
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};
pub(super) use std::thread_local;

/// How many generations a tier counts: keys that share one lose their places in the mirrors together.
pub(super) const GENERATIONS: usize = 4_096;

/// Takes a lock. What it guards stays whole under a panic (each change is one assignment, and foreign code
/// runs under it only in a promotion, which changes nothing of the flight), so a poisoned one is used on.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The same of a lock that readers share. Under it no foreign code runs.
pub(super) fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// The same, alone.
pub(super) fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
