//! The sources under test.

#[path = "../../cache-runtime/src/store/flight/mod.rs"]
pub(crate) mod flight;
#[path = "../../cache-runtime/src/store/local_tier/mod.rs"]
pub(crate) mod local_tier;
#[path = "../../cache-runtime/src/store/tags.rs"]
pub(crate) mod tags;

/// In the place of the runtime's `store/sync.rs`.
pub(crate) mod sync {
    pub(crate) use shuttle::sync::atomic::AtomicU64;
    pub(super) use shuttle::sync::{Arc, Weak};
    pub(crate) use shuttle::sync::{Mutex, MutexGuard};
    pub(super) use shuttle::thread_local;
    pub(super) use std::sync::RwLock;
    use std::sync::{RwLockReadGuard, RwLockWriteGuard};

    use shuttle::sync::atomic::{AtomicBool, Ordering};

    /// The standard library's, with a switch to other threads before it is read and after it is written.
    pub(super) struct OnceLock<T> {
        cell: std::sync::OnceLock<T>,
        is_set: AtomicBool,
    }

    impl<T> OnceLock<T> {
        pub(super) fn new() -> Self {
            Self { cell: std::sync::OnceLock::new(), is_set: AtomicBool::new(false) }
        }

        pub(super) fn get(&self) -> Option<&T> {
            self.is_set.load(Ordering::Acquire).then(|| self.cell.get()).flatten()
        }

        pub(super) fn set(&self, value: T) -> Result<(), T> {
            self.cell.set(value)?;
            self.is_set.store(true, Ordering::Release);
            Ok(())
        }
    }

    /// Few: each is made anew for every schedule.
    pub(super) const GENERATIONS: usize = 2;

    pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap()
    }

    /// The standard library's: nothing else of what is under test happens while it is held, so that shuttle's would only
    /// add schedules that do not differ.
    pub(super) fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
        lock.read().unwrap()
    }

    pub(super) fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
        lock.write().unwrap()
    }
}
