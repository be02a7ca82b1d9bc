//! A plain `DashMap`: no bound, no time to live, no single flight.

use std::sync::Arc;

use dashmap::DashMap;

use crate::case::{Case, Gives, KeyOf};
use crate::value::{Project, ids, text, three_parts};

pub(super) fn cases() -> Vec<Case> {
    use Gives::{Arc as Shared, Clone};
    use KeyOf::{Text, ThreeParts, U64};
    let by_id: DashMap<u64, Arc<Project>> = ids().map(|id| (id, Project::load_shared(id))).collect();
    let by_text: DashMap<String, Arc<Project>> =
        ids().map(|id| (text(id), Project::load_shared(id))).collect();
    let by_three: DashMap<String, Arc<Project>> =
        ids().map(|id| (three_parts(id), Project::load_shared(id))).collect();
    let owned: DashMap<u64, Project> = ids().map(|id| (id, Project::load(id))).collect();
    let owned_by_text: DashMap<String, Project> = ids().map(|id| (text(id), Project::load(id))).collect();
    vec![
        Case::sync("DashMap get", U64, Shared, move |id| by_id.get(&id).map(|found| Arc::clone(&found))),
        Case::sync("DashMap get", U64, Clone, move |id| owned.get(&id).map(|found| found.clone())),
        Case::sync("DashMap get", Text, Shared, move |id| {
            by_text.get(text(id).as_str()).map(|found| Arc::clone(&found))
        }),
        Case::sync("DashMap get", Text, Clone, move |id| {
            owned_by_text.get(text(id).as_str()).map(|found| found.clone())
        }),
        Case::sync("DashMap get", ThreeParts, Shared, move |id| {
            by_three.get(three_parts(id).as_str()).map(|found| Arc::clone(&found))
        }),
    ]
}
