//! A cold key whose loader is slow, for all who come at once.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use crate::value::Down;

/// How long the loader takes.
pub const LOADER: Duration = Duration::from_millis(20);

/// A caller.
pub type Caller = Pin<Box<dyn Future<Output = ()> + Send>>;

type Call = dyn Fn() -> Caller + Send + Sync;

/// A cache with one cold key.
#[derive(Clone)]
pub struct Stampede {
    pub name: &'static str,
    call: Arc<Call>,
    loader: Loader,
}

/// The slow loader; it counts its runs.
#[derive(Clone)]
pub struct Loader {
    /// No other loader's: a key that is cold for sure, also where a cache is a static.
    pub id: u64,
    fails: bool,
    runs: Arc<AtomicU64>,
}

impl Loader {
    /// A loader that never ran.
    pub fn new(fails: bool) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        Self { id: COUNT.fetch_add(1, Ordering::Relaxed), fails, runs: Arc::default() }
    }

    /// Takes its time, and then fails if it is the failing one.
    pub async fn load(&self) -> Result<u64, Down> {
        self.runs.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(LOADER).await;
        if self.fails { Err(Down) } else { Ok(1) }
    }
}

impl Stampede {
    /// A call that reads the key, through `loader`.
    pub fn new<F>(
        name: &'static str,
        loader: &Loader,
        call: impl Fn(Loader) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let given = loader.clone();
        let call = move || -> Caller { Box::pin(call(given.clone())) };
        Self { name, call: Arc::new(call), loader: loader.clone() }
    }

    /// One of those who come.
    pub fn call(&self) -> Caller {
        (self.call)()
    }

    /// How often the loader ran.
    pub fn loads(&self) -> u64 {
        self.loader.runs.load(Ordering::Relaxed)
    }
}
