//! Reads are gathered by the node that answers them: one that does not answer keeps those waiting who ask it, and nobody
//! else.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;

use super::batch::{Errand, Gathered, Reading};
use super::servers::Servers;
use crate::error::BackendError;

/// Reads of one kind. Which lane a key takes is of no importance but for who waits for whom: what has moved meanwhile is
/// found all the same.
pub(super) struct Lanes<E: Errand> {
    servers: Arc<Servers>,
    lanes: Box<[Arc<Gathered<E>>]>,
}

impl<E: Errand> Lanes<E> {
    pub(super) fn new(servers: &Arc<Servers>, errand: impl Fn() -> E) -> Arc<Self> {
        let lanes = (0..servers.lanes()).map(|_| Gathered::new(errand())).collect();
        Arc::new(Self { servers: Arc::clone(servers), lanes })
    }

    fn number(&self, key: &str) -> usize {
        // On one server no key is looked at.
        if self.lanes.len() == 1 { 0 } else { self.servers.lane(key) % self.lanes.len() }
    }

    /// See [`Gathered::read`].
    pub(super) fn read<'a>(&'a self, key: &'a str, limit: Option<Duration>) -> Reading<'a, E> {
        self.lanes[self.number(key)].read(key, limit)
    }

    /// See [`Gathered::read_many`].
    pub(super) async fn read_many(&self, keys: &[&str]) -> Vec<Result<E::Found, BackendError>> {
        if let [only] = &*self.lanes {
            return only.read_many(keys).await;
        }
        let mut places: Vec<Vec<usize>> = self.lanes.iter().map(|_| Vec::new()).collect();
        for (place, key) in keys.iter().enumerate() {
            places[self.number(key)].push(place);
        }
        let read = self.lanes.iter().zip(&places).filter(|(_, places)| !places.is_empty());
        let read = read.map(async |(lane, places)| {
            let keys: Vec<&str> = places.iter().map(|place| keys[*place]).collect();
            places.iter().copied().zip(lane.read_many(&keys).await)
        });
        let mut answers: Vec<_> = join_all(read).await.into_iter().flatten().collect();
        answers.sort_unstable_by_key(|(place, _)| *place);
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}
