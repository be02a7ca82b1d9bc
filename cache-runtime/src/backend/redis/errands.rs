//! What the reads of cached calls are gathered for.

use std::future::Future;
use std::sync::Arc;

use super::batch::Errand;
use super::fault::Fault;
use super::held::Held;
use super::servers::Servers;
use super::{reads, writes};
use crate::backend::{Entry, Read};

/// To look what is there.
pub(super) struct Look(pub(super) Arc<Servers>);

/// To read what is there, and to take the lease of what is not.
pub(super) struct Fetch {
    pub(super) servers: Arc<Servers>,
    pub(super) held: Arc<Held>,
    /// Whether a look has just found nothing.
    pub(super) is_absent: bool,
}

impl Errand for Look {
    type Found = Option<Entry>;

    fn go(&self, keys: &[&str]) -> impl Future<Output = Vec<Result<Self::Found, Fault>>> + Send {
        reads::look_many(&self.0, keys)
    }

    fn share(found: &mut Self::Found, others: usize) -> Self::Found {
        if others > 0 { found.clone() } else { found.take() }
    }

    fn value(found: &Self::Found) -> Option<&Entry> {
        found.as_ref()
    }

    fn take_back(self: &Arc<Self>, _: &str, _: Self::Found) {}
}

impl Errand for Fetch {
    type Found = Read;

    fn go(&self, keys: &[&str]) -> impl Future<Output = Vec<Result<Read, Fault>>> + Send {
        reads::read_many(&self.servers, &self.held, keys, self.is_absent)
    }

    /// The lease goes to the first.
    fn share(found: &mut Read, others: usize) -> Read {
        let next = match found {
            Read::Hit(entry) if others > 0 => Read::Hit(entry.clone()),
            Read::Hit(_) | Read::Barred => Read::Barred,
            _ => Read::Leased,
        };
        std::mem::replace(found, next)
    }

    fn value(found: &Read) -> Option<&Entry> {
        match found {
            Read::Hit(entry) => Some(entry),
            _ => None,
        }
    }

    fn take_back(self: &Arc<Self>, key: &str, found: Read) {
        let Read::Miss(Some(lease)) = found else { return };
        self.held.let_go(lease.0);
        let (errand, key) = (Arc::clone(self), Box::<str>::from(key));
        // Without an executor the lease ends by itself.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { writes::release(&errand.servers, &errand.held, &key, lease).await });
        }
    }
}
