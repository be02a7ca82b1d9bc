//! Cloudflare KV inside a Worker, by its binding: [`WorkerBackend`].

#[cfg(target_family = "wasm")]
mod backend;
#[cfg(target_family = "wasm")]
mod bulk;
mod refusal;
#[cfg(target_family = "wasm")]
mod usage;

#[cfg(target_family = "wasm")]
pub use backend::WorkerBackend;
#[cfg(target_family = "wasm")]
pub use usage::KvUsage;
