//! What is stored of a session.

use serde::{Deserialize, Serialize};

/// What stands under the key of a session.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stored<T> {
    /// It is open.
    Open(Record<T>),
    /// It is open once the session of the token with this hash has moved here, which holds it until then.
    Follows(String),
    /// It goes on under another token, with this hash.
    Moved { to: String, session: Record<T> },
    /// It is over.
    Over,
}

/// An open session.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Record<T> {
    pub(super) data: T,
    /// Whose it is, and the generation of that user's sessions in which it began.
    pub(super) user: Option<(String, String)>,
    /// In milliseconds since 1970.
    pub(super) created: u64,
    /// When it is over, however busy it is.
    pub(super) ends: u64,
}

impl<T> Record<T> {
    /// The same without a copy of the data, to be stored.
    pub(super) fn borrowed(&self) -> Record<&T> {
        Record { data: &self.data, user: self.user.clone(), created: self.created, ends: self.ends }
    }
}
