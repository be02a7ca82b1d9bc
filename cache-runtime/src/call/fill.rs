//! The backend's side of a load: read what is there, or take the right to fill, and fill.

use std::time::Duration;

use bytes::Bytes;
use tracing::Instrument;

use super::load::{Call, Flown};
use super::policy::{Condition, Policy};
use super::site::{Event, Step};
use super::tags::{self, Before, Seen, Target};
use crate::backend::{Entry, Lease, PutOptions, Read};
use crate::classify::Class;
use crate::codec::Marks;
use crate::error::BackendError;
use crate::key::{Tag, Template};
use crate::rt;
use crate::service::KvCacheService;
use crate::value::ValueOps;

/// The operation that errors of a cached call name.
const OPERATION: &str = "cached call";

/// The most bytes of metadata that every backend takes.
pub(super) const METADATA: usize = 1_024;

/// What a read of the backend leads to.
pub(super) enum Found<H> {
    Value(H, Life),
    Negative(Life),
    /// A value that was fresh until so long ago; fill if there is a permit.
    Stale(H, Duration, Option<Permit>),
    /// Nothing; fill if there is a permit.
    Nothing(Option<Permit>),
}

/// How long an entry lives.
#[derive(Clone, Copy)]
pub(super) struct Life {
    /// How long its value is fresh; `None` for ever.
    pub(super) fresh_for: Option<Duration>,
    /// How long it is kept after that.
    pub(super) window: Duration,
    /// Its size in bytes.
    pub(super) size: usize,
}

/// What an entry is good for.
pub(super) enum Usable<H> {
    /// The value, or a cached "not there".
    Fresh(Option<H>, Life),
    /// A value that was fresh until so long ago.
    Stale(H, Duration),
}

/// An entry that is no answer: stale (for so long), or of no use at all.
struct Useless<H> {
    target: Target,
    entry: Entry,
    generations: u64,
    stale: Option<(H, Duration)>,
}

/// The right to fill, given back when it is dropped unused: by a failed, dropped or panicked load.
pub(super) struct Permit {
    pub(super) target: Target,
    lent: Lent,
    /// Those of the target's tags, from before the load.
    generations: u64,
}

/// A lease that is given back when it is dropped.
pub(super) struct Lent {
    cache: KvCacheService,
    full_key: String,
    lease: Option<Lease>,
}

impl Lent {
    pub(super) const fn new(cache: KvCacheService, full_key: String, lease: Option<Lease>) -> Self {
        Self { cache, full_key, lease }
    }

    pub(super) const fn take(&mut self) -> Option<Lease> {
        self.lease.take()
    }
}

/// A loaded value as it is stored.
pub(super) struct Fill {
    pub(super) bytes: Bytes,
    pub(super) options: PutOptions,
    pub(super) life: Life,
}

impl Drop for Lent {
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
    pub(super) fn prepare<C: Condition<V>>(&self, policy: &Policy<V, C>, tags: &[Tag]) -> Option<Target> {
        let (site, template) = (self.site, self.key.template());
        let now = || self.cache.clock().now();
        if !site.admits(self.key, self.ops.value_type()) {
            site.went_by(now(), &"this generic function cached a value of another type under its template");
            return None;
        }
        if !policy.has_ttl(template) {
            site.went_by(now(), &"no time to live is known for the key; add `ttl = …`");
            return None;
        }
        let full_key = self.cache.prefix().full(self.key.as_str());
        match full_key.and_then(|full_key| Target::new(self.cache, full_key, tags)) {
            Ok(target) => Some(target),
            Err(reason) => {
                site.went_by(now(), &reason);
                None
            }
        }
    }

    /// Reads the key; where nothing usable is there, takes the right to fill it.
    #[expect(clippy::manual_async_fn, reason = "an `async fn` would have all that it is given twice")]
    pub(super) fn read(&self, target: Target, before: Before) -> impl Future<Output = Found<O::Held>> {
        async move {
            if matches!(before, Before::Failed) || target.is_bypassed(self.cache) {
                return Found::Nothing(None);
            }
            let seen = match tags::read_one(self.cache, &target, before).await {
                Ok(seen) => seen,
                Err(error) => return self.failed(error),
            };
            match self.judge(target, seen) {
                Ok(found) => found,
                // Apart: what is of use needs none of that.
                Err(useless) => Box::pin(self.replace(useless)).await,
            }
        }
    }

    /// What has been read; where it is of no use, takes the right to fill in its place.
    pub(super) async fn found(&self, target: Target, seen: Seen) -> Found<O::Held> {
        match self.judge(target, seen) {
            Ok(found) => found,
            // Apart: what is of use needs none of that.
            Err(useless) => Box::pin(self.replace(useless)).await,
        }
    }

    /// What has been read, unless the right to fill has to be taken in its place.
    fn judge(&self, target: Target, seen: Seen) -> Result<Found<O::Held>, Box<Useless<O::Held>>> {
        let cache = self.cache;
        let lend = |lease| Lent::new(cache.clone(), target.full_key.clone().into(), lease);
        let Some(generations) = seen.generations else {
            if let Read::Miss(lease) = seen.read {
                drop(lend(lease));
            }
            return Ok(Found::Nothing(None));
        };
        let entry = match seen.read {
            Read::Hit(entry) => entry,
            // A fill without a lease, where others need one, could come after a change.
            Read::Miss(None) if cache.backend().capabilities().leases => return Ok(Found::Nothing(None)),
            Read::Miss(lease) => {
                return Ok(Found::Nothing(Some(Permit { lent: lend(lease), target, generations })));
            }
            Read::Leased | Read::Barred => return Ok(Found::Nothing(None)),
        };
        let stale = match self.usable(&entry, &target, generations) {
            Some(Usable::Fresh(value, life)) => {
                self.site.count(Event::Hit);
                return Ok(value.map_or(Found::Negative(life), |value| Found::Value(value, life)));
            }
            Some(Usable::Stale(value, staleness)) => Some((value, staleness)),
            None => None,
        };
        Err(Box::new(Useless { target, entry, generations, stale }))
    }

    /// Takes the right to fill in the place of what is of no use.
    async fn replace(&self, useless: Box<Useless<O::Held>>) -> Found<O::Held> {
        let Useless { target, entry, generations, stale } = *useless;
        let (cache, backend) = (self.cache, self.cache.backend());
        let permit = |lease| {
            let lent = Lent::new(cache.clone(), target.full_key.clone().into(), lease);
            Permit { lent, target: target.clone(), generations }
        };
        let Some((value, staleness)) = stale else {
            self.site.count(Event::Unusable);
            return match cache.bounded(backend.lease_over(&target.full_key, &entry)).await {
                Ok(None) if backend.capabilities().leases => Found::Nothing(None),
                Ok(lease) => Found::Nothing(Some(permit(lease))),
                Err(error) => self.failed(error),
            };
        };
        // It stays for those who may be served it.
        match cache.bounded(backend.refresh_lease(&target.full_key, &entry)).await {
            Ok(None) if backend.capabilities().leases => Found::Stale(value, staleness, None),
            Ok(lease) => Found::Stale(value, staleness, Some(permit(lease))),
            Err(error) => {
                let _ = self.failed::<O::Held>(error);
                Found::Stale(value, staleness, None)
            }
        }
    }

    pub(super) fn failed<H>(&self, error: BackendError) -> Found<H> {
        let cache = self.cache;
        self.site.failed(cache.clock().now(), &error.during(OPERATION, cache.backend().name()));
        Found::Nothing(None)
    }

    /// The value of an entry, unless it is of another version or of other tags, too large or does not decode.
    pub(super) fn usable(&self, entry: &Entry, target: &Target, generations: u64) -> Option<Usable<O::Held>> {
        self.usable_as(entry, target, generations, |value| self.ops.hold(value))
    }

    /// The same, as what `hold` makes of the value.
    pub(super) fn usable_as<T>(
        &self,
        entry: &Entry,
        target: &Target,
        generations: u64,
        hold: impl FnOnce(V) -> T,
    ) -> Option<Usable<T>> {
        let marks = Marks::from_metadata(entry.metadata.as_deref());
        if marks.version != self.stored_version()
            || !target.admits(&marks, generations)
            || entry.value.len() > self.cache.value_limit()
        {
            return None;
        }
        let fresh_for = marks.fresh_for(entry.expires_in);
        let life = |fresh_for| Life { fresh_for, window: marks.window(), size: entry.value.len() };
        if marks.is_negative() {
            return fresh_for.ok().map(|fresh_for| Usable::Fresh(None, life(fresh_for)));
        }
        let value = hold(self.ops.decode(self.cache.codec(), &entry.value)?);
        Some(match fresh_for {
            Ok(fresh_for) => Usable::Fresh(Some(value), life(fresh_for)),
            Err(staleness) => Usable::Stale(value, staleness),
        })
    }

    /// The version without what the local tier adds to it.
    const fn stored_version(&self) -> u32 {
        self.version & !Template::TAGGED
    }

    /// A loaded value (`None`: "not there") as it is to be stored under the permit, if it is.
    pub(super) fn encode<C: Condition<V>>(
        &self,
        value: Option<&V>,
        policy: &Policy<V, C>,
        permit: &Permit,
    ) -> Option<Fill> {
        let (cache, template) = (self.cache, self.key.template());
        let (ttl, window, bytes) = match value {
            Some(value) => {
                // A generic return may be a `Result` or an `Option`, which only the value can tell.
                if self.ops.classify(value) != Class::Value || !policy.stores(value) {
                    return None;
                }
                let ttl = policy.ttl_for(value, template)?;
                if C::HAS_TTL && ttl.as_duration().is_some_and(|ttl| ttl.is_zero()) {
                    self.site.count(Event::Uncached);
                    return None;
                }
                let bytes = self.ops.encode(cache.codec(), value, cache.value_limit());
                (ttl, policy.window(), bytes)
            }
            // To programs that do not know the mark it is the nothing of the format: a `null`.
            None => {
                let nothing = cache.codec().encode(&(), cache.value_limit(), OPERATION);
                (policy.none_ttl_for(template)?, Duration::ZERO, nothing)
            }
        };
        let checked = bytes.and_then(|bytes| Ok((ttl.checked(OPERATION)?, bytes)));
        match checked {
            Ok((ttl, bytes)) => {
                let capabilities = cache.backend().capabilities();
                let minimum = capabilities.minimum_ttl;
                // Who reads it could not tell that it is stale.
                let window = if capabilities.metadata { window } else { Duration::ZERO };
                let ttl = ttl.map(|ttl| policy.shortened(ttl, minimum, || cache.store().refreshes.chance()));
                // What has no end needs no window after it.
                let window = ttl.map_or(Duration::ZERO, |_| window);
                let life = Life { fresh_for: ttl, window, size: bytes.len() };
                let metadata = Marks::new(value.is_none(), self.stored_version())
                    .with_window(window)
                    .with_tags(permit.target.names().to_vec(), permit.generations)
                    .to_metadata();
                if metadata.is_some() && !capabilities.metadata {
                    self.site.count(Event::Uncached);
                    return None;
                }
                if metadata.as_ref().is_some_and(|text| text.len() > METADATA) {
                    self.site
                        .went_by(cache.clock().now(), &"the tags are too long to be stored beside the value");
                    return None;
                }
                let ttl = ttl.map(|ttl| ttl.saturating_add(window));
                Some(Fill { bytes, options: PutOptions { ttl, metadata }, life })
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
        let lease = permit.lent.take();
        let filled = cache.backend().fill(&permit.target.full_key, lease, fill.bytes, fill.options);
        match cache.bounded(filled).instrument(self.site.span(Step::Fill)).await {
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
