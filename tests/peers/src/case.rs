//! A cached call that can be measured.

use std::future::Future;
use std::hint::black_box;
use std::sync::LazyLock;

use tokio::runtime::{Builder, Runtime};

/// Where all async calls run.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    Builder::new_multi_thread().worker_threads(2).enable_time().build().expect("the machine has threads left")
});

/// Runs a future to its end, on this thread.
pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// What the call builds its key of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOf {
    /// An integer, as it is.
    U64,
    /// A text with one integer in it.
    Text,
    /// A text, or a tuple, of two integers and 20 bytes of text.
    ThreeParts,
}

/// What the call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    Arc,
    Clone,
}

/// Who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Ours,
    Peer,
    /// What there is beside caches, to compare with.
    Floor,
}

type Run = dyn Fn(&[u64]) + Send + Sync;

/// A cached call, on a cache of its own.
pub struct Case {
    pub side: Side,
    pub name: &'static str,
    pub key: KeyOf,
    pub gives: Gives,
    run: Box<Run>,
}

impl Case {
    /// An async call.
    pub fn new<R>(
        name: &'static str,
        key: KeyOf,
        gives: Gives,
        call: impl AsyncFn(u64) -> R + Send + Sync + 'static,
    ) -> Self {
        let run = move |ids: &[u64]| {
            block_on(async {
                for id in ids {
                    black_box(call(black_box(*id)).await);
                }
            });
        };
        Self { side: Side::Peer, name, key, gives, run: Box::new(run) }
    }

    /// A call that is not async.
    pub fn sync<R>(
        name: &'static str,
        key: KeyOf,
        gives: Gives,
        call: impl Fn(u64) -> R + Send + Sync + 'static,
    ) -> Self {
        let run = move |ids: &[u64]| {
            for id in ids {
                black_box(call(black_box(*id)));
            }
        };
        Self { side: Side::Peer, name, key, gives, run: Box::new(run) }
    }

    /// Says whose it is, if it is no peer's.
    pub fn of(mut self, side: Side) -> Self {
        self.side = side;
        self
    }

    /// Calls it once an id, in their order.
    pub fn run(&self, ids: &[u64]) {
        (self.run)(ids);
    }

    /// The call, the key and what it gives, in one line.
    pub fn label(&self) -> String {
        format!("{}, {}, {:?}", self.name, self.key_text(), self.gives)
    }

    /// The key's kind, for people.
    pub fn key_text(&self) -> &'static str {
        match self.key {
            KeyOf::U64 => "u64",
            KeyOf::Text => "text",
            KeyOf::ThreeParts => "3 parts",
        }
    }
}
