//! Methods over many ids: each id is cached on its own, shared with the method of a single id, and the body runs
//! once, for what is missing.

#[expect(dead_code, reason = "here it only counts and fails")]
#[path = "faults/backend.rs"]
mod backend;
#[path = "batch/concurrent.rs"]
mod concurrent;
#[path = "batch/failures.rs"]
mod failures;
#[path = "batch/forms.rs"]
mod forms;
#[path = "batch/sharing.rs"]
mod sharing;
#[path = "batch/world.rs"]
mod world;
