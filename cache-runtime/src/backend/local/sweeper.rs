//! The thread that removes what has expired where nobody calls.
//!
//! One for the process. It knows namespaces only weakly, and only those in which something will expire; when
//! none is left it ends, and the next such namespace starts it again.

use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::Shared;

/// How long what has expired may stay in memory, about.
const ROUND: Duration = Duration::from_millis(500);

/// How many are removed before other callers of the namespace get their turn.
const BATCH: usize = 1_024;

struct Sweeper {
    namespaces: Vec<Weak<Shared>>,
    running: bool,
}

/// Lock order: a namespace before the sweeper. The sweeper's thread therefore holds one of them at a time.
static SWEEPER: Mutex<Sweeper> = Mutex::new(Sweeper { namespaces: Vec::new(), running: false });

fn sweeper() -> MutexGuard<'static, Sweeper> {
    SWEEPER.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes a namespace in, once; it is let go when nothing in it expires any more.
pub(super) fn watch(namespace: Weak<Shared>) {
    let mut sweeper = sweeper();
    sweeper.namespaces.push(namespace);
    if !sweeper.running {
        // Without a thread, what has expired goes when the namespace is next written to.
        sweeper.running = std::thread::Builder::new().name("cache-sweeper".into()).spawn(run).is_ok();
    }
}

fn run() {
    loop {
        std::thread::sleep(ROUND);
        let mut namespaces = std::mem::take(&mut sweeper().namespaces);
        namespaces.retain(|namespace| namespace.upgrade().is_some_and(|namespace| sweep(&namespace)));
        let mut sweeper = sweeper();
        sweeper.namespaces.append(&mut namespaces);
        if sweeper.namespaces.is_empty() {
            sweeper.running = false;
            return;
        }
    }
}

/// Removes what has expired. Returns whether something is left that will expire.
fn sweep(namespace: &Shared) -> bool {
    loop {
        let mut state = namespace.lock();
        if state.purge(namespace.clock.now(), BATCH) < BATCH {
            state.swept = state.expects_expiry();
            return state.swept;
        }
    }
}
