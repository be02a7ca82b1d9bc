//! `memoize`: an attribute for functions that are not async; one map behind a mutex, or one a thread.

use std::sync::Arc;

use memoize::memoize;

use crate::case::{Case, Gives, KeyOf};
use crate::value::{Project, text};

#[memoize(SharedCache)]
fn by_id(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[memoize(SharedCache)]
fn owned_by_id(id: u64) -> Project {
    Project::load(id)
}

#[memoize]
fn local_by_id(id: u64) -> Arc<Project> {
    Project::load_shared(id)
}

#[expect(clippy::needless_pass_by_value, reason = "the attribute takes its keys by value")]
#[memoize(SharedCache)]
fn by_text(key: String) -> Arc<Project> {
    Project::load_shared(key.len() as u64)
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::sync("memoize, a map a thread", KeyOf::U64, Gives::Arc, local_by_id),
        Case::sync("memoize, shared", KeyOf::U64, Gives::Arc, by_id),
        Case::sync("memoize, shared", KeyOf::U64, Gives::Clone, owned_by_id),
        Case::sync("memoize, shared", KeyOf::Text, Gives::Arc, |id| by_text(text(id))),
    ]
}
