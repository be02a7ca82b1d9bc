//! What the service deals in: projects, an organisation's listing of them, and changes to one.

use serde::{Deserialize, Serialize};

/// One project with everything that its page shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    pub id: u64,
    pub org_id: u64,
    pub organisation: String,
    pub slug: String,
    pub name: String,
    pub status: Status,
    pub due_on: String,
    pub tasks: u64,
    pub open_tasks: u64,
    pub minutes: u64,
    /// Who works on it; whoever spent most time comes first.
    pub team: Vec<Contribution>,
}

/// A member of a project's team, and the time they spent on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contribution {
    pub member: String,
    pub minutes: u64,
}

/// One line of an organisation's listing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProjectSummary {
    pub id: u64,
    pub name: String,
    pub status: Status,
    pub tasks: u64,
    pub open_tasks: u64,
    pub minutes: u64,
}

/// What to change in a project; what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct ProjectChange {
    pub name: Option<String>,
    pub status: Option<Status>,
}

/// Where a project stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Planned,
    Active,
    Paused,
    Done,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Planned, Self::Active, Self::Paused, Self::Done];

    pub fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Done => "done",
        }
    }
}
