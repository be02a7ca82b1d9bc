//! The backend's side of a load: read what is there, or take the right to fill, and fill.

use std::time::Duration;

use bytes::Bytes;

use super::load::{Call, Flown};
use super::policy::{Condition, Policy};
use super::site::Event;
use crate::backend::{Entry, Lease, PutOptions, Read};
use crate::classify::Class;
use crate::codec::Marks;
use crate::error::BackendError;
use crate::rt;
use crate::service::KvCacheService;
use crate::value::ValueOps;

/// The operation that errors of a cached call name.
const OPERATION: &str = "cached call";

/// What a read of the backend leads to. A life is how long the entry still lives, and its size in bytes.
pub(super) enum Found<H> {
    Value(H, (Option<Duration>, usize)),
    Negative((Option<Duration>, usize)),
    /// Nothing; fill if there is a permit.
    Nothing(Option<Permit>),
}

/// The right to fill, given back when it is dropped unused: by a failed, dropped or panicked load.
pub(super) struct Permit {
    cache: KvCacheService,
    pub(super) full_key: String,
    lease: Option<Lease>,
}

/// A loaded value as it is stored.
pub(super) struct Fill {
    pub(super) bytes: Bytes,
    pub(super) options: PutOptions,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(lease) = self.lease.take() {
            let backend = self.cache.backend().clone();
            let full_key = std::mem::take(&mut self.full_key);
            // A lease that cannot be given back ends by itself.
            rt::settle(async move { drop(backend.release(&full_key, lease).await) });
        }
    }
}

impl<V, O: ValueOps<V>, S> Call<'_, V, O, S> {
    /// The full key, if this call can be cached at all.
    pub(super) fn prepare<C>(&self, policy: &Policy<V, C>) -> Option<String> {
        let (site, template) = (self.site, self.key.template());
        let now = || self.cache.clock().now();
        if !site.admits(template, self.ops.type_id()) {
            site.went_by(now(), &"this generic function cached a value of another type under its template");
            return None;
        }
        if policy.ttl_for(template).is_none() {
            site.went_by(now(), &"no time to live is known for the key; add `ttl = …`");
            return None;
        }
        match self.cache.prefix().full(self.key.as_str()) {
            Ok(full_key) => Some(full_key),
            Err(reason) => {
                site.went_by(now(), &reason);
                None
            }
        }
    }

    /// Reads the key; where nothing usable is there, takes the right to fill it.
    pub(super) async fn read(&self, full_key: String) -> Found<O::Held> {
        if self.cache.store().retries.bypasses(&full_key) {
            return Found::Nothing(None);
        }
        match self.cache.bounded(self.cache.backend().read(&full_key)).await {
            Ok(read) => self.found(full_key, read).await,
            Err(error) => self.failed(error),
        }
    }

    /// What has been read; where it is of no use, takes the right to fill in its place.
    pub(super) async fn found(&self, full_key: String, read: Read) -> Found<O::Held> {
        let (cache, backend) = (self.cache, self.cache.backend());
        let permit = |full_key, lease| Found::Nothing(Some(Permit { cache: cache.clone(), full_key, lease }));
        let entry = match read {
            Read::Hit(entry) => entry,
            // A fill without a lease, where others need one, could come after a change.
            Read::Miss(None) if backend.capabilities().leases => return Found::Nothing(None),
            Read::Miss(lease) => return permit(full_key, lease),
            Read::Leased | Read::Barred => return Found::Nothing(None),
        };
        if let Some(found) = self.usable(&entry) {
            self.site.count(Event::Hit);
            return found;
        }
        self.site.count(Event::Unusable);
        match cache.bounded(backend.lease_over(&full_key, &entry)).await {
            Ok(None) if backend.capabilities().leases => Found::Nothing(None),
            Ok(lease) => permit(full_key, lease),
            Err(error) => self.failed(error),
        }
    }

    pub(super) fn failed<H>(&self, error: BackendError) -> Found<H> {
        let cache = self.cache;
        self.site.failed(cache.clock().now(), &error.during(OPERATION, cache.backend().name()));
        Found::Nothing(None)
    }

    /// The value of an entry, unless it is of another version, too large or does not decode.
    fn usable(&self, entry: &Entry) -> Option<Found<O::Held>> {
        let marks = Marks::from_metadata(entry.metadata.as_deref());
        if marks.version != self.version || entry.value.len() > self.cache.value_limit() {
            return None;
        }
        let life = (entry.expires_in, entry.value.len());
        if marks.is_negative() {
            return Some(Found::Negative(life));
        }
        let value = self.ops.decode(self.cache.codec(), &entry.value)?;
        Some(Found::Value(self.ops.hold(value), life))
    }

    /// A loaded value (`None`: "not there") as it is to be stored, if it is.
    pub(super) fn encode<C: Condition<V>>(&self, value: Option<&V>, policy: &Policy<V, C>) -> Option<Fill> {
        let (cache, template) = (self.cache, self.key.template());
        let (ttl, bytes) = match value {
            Some(value) => {
                // A generic return may be a `Result` or an `Option`, which only the value can tell.
                if self.ops.classify(value) != Class::Value || !policy.stores(value) {
                    return None;
                }
                (policy.ttl_for(template)?, self.ops.encode(cache.codec(), value, cache.value_limit()))
            }
            None => (policy.none_ttl_for(template)?, Ok(Bytes::new())),
        };
        let checked = bytes.and_then(|bytes| Ok((ttl.checked(OPERATION)?, bytes)));
        match checked {
            Ok((ttl, bytes)) => {
                let metadata = Marks::new(value.is_none(), self.version).to_metadata();
                Some(Fill { bytes, options: PutOptions { ttl, metadata } })
            }
            Err(error) => {
                self.site.failed(cache.clock().now(), &error);
                None
            }
        }
    }

    /// Stores a loaded value. Returns whether it was stored.
    pub(super) async fn fill(&self, mut permit: Permit, fill: Fill) -> bool {
        let cache = self.cache;
        let lease = permit.lease.take();
        let filled = cache.backend().fill(&permit.full_key, lease, fill.bytes, fill.options);
        match cache.bounded(filled).await {
            Ok(stored) => {
                if stored {
                    self.site.count(Event::Fill);
                }
                stored
            }
            Err(error) => {
                self.failed::<Flown<V, O>>(error);
                false
            }
        }
    }
}
