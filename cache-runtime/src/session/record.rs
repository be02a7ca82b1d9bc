//! What is stored of a session.

use serde::{Deserialize, Serialize};

/// What stands under the key of a session.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stored<T> {
    /// It is open.
    Open(Record<T>),
    /// It goes on under another token, the hash of which this is.
    Moved(String),
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
    /// The hash of the token whose place this one takes; it is open only once that one has moved here.
    pub(super) follows: Option<String>,
}

impl<T> Record<T> {
    /// The same without a copy of the data, to be stored.
    pub(super) fn borrowed(&self) -> Record<&T> {
        Record {
            data: &self.data,
            user: self.user.clone(),
            created: self.created,
            ends: self.ends,
            follows: self.follows.clone(),
        }
    }
}
