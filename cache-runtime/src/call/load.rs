//! The cached call: look up; on a miss run the author's body in the caller's own task, and fill.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use super::policy::{Condition, Policy};
use super::shape::{Outcome, Shape, shapes};
use super::site::{CallSite, Event};
use crate::backend::{Entry, Lease, PutOptions, Read};
use crate::classify::Class;
use crate::codec::Marks;
use crate::key::{RawKey, Template};
use crate::rt;
use crate::service::KvCacheService;
use crate::value::{Value, ValueOps, Witness};

/// The operation that errors of a cached call name.
const OPERATION: &str = "cached call";

/// A cached call, before its lookup.
pub struct Call<'a, V, O, S> {
    cache: &'a KvCacheService,
    site: &'static CallSite,
    key: RawKey,
    ops: O,
    shape: S,
    value: PhantomData<fn() -> V>,
}

/// What the lookup found. Holds no return value: its error need not be `Send`, and the load awaits.
pub enum Lookup<'a, V, O, S> {
    /// The value.
    Hit(Hit<V, S>),
    /// Nothing fresh in this process: load.
    Miss(Miss<'a, V, O, S>),
}

/// A value that was found, and how the function returns it.
pub struct Hit<V, S> {
    value: V,
    shape: S,
}

/// A cached call that has to ask the backend, or the author's body.
pub struct Miss<'a, V, O, S>(Call<'a, V, O, S>);

/// Begins a cached call.
#[inline]
pub fn cached<'a, V, O: ValueOps<V>, S>(
    cache: &'a KvCacheService,
    site: &'static CallSite,
    key: impl Into<RawKey>,
    ops: O,
    shape: S,
) -> Call<'a, V, O, S> {
    Call { cache, site, key: key.into(), ops, shape, value: PhantomData }
}

impl<'a, V, O: ValueOps<V>, S> Call<'a, V, O, S> {
    /// Looks into this process's memory: no await, no allocation.
    #[inline]
    pub fn lookup(self) -> Lookup<'a, V, O, S> {
        Lookup::Miss(Miss(self))
    }
}

impl<V, S> Hit<V, S> {
    /// The value as the function returns it.
    #[inline]
    pub fn wrap<R>(self) -> R
    where
        S: Shape<R, Value = V>,
    {
        self.shape.wrap(self.value)
    }
}

/// What a read of the backend leads to.
enum Found<V> {
    Value(V),
    Negative,
    /// Nothing; fill if there is a permit.
    Nothing(Option<Permit>),
}

/// The right to fill, given back when it is dropped unused: by a failed, dropped or panicked load.
struct Permit {
    cache: KvCacheService,
    full_key: String,
    lease: Option<Lease>,
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

impl<V, O: ValueOps<V>, S> Miss<'_, V, O, S> {
    /// Reads the backend, else awaits `body` in this task and fills.
    ///
    /// A cache that fails costs the load, never the call.
    pub async fn load<R, C, F>(self, policy: Policy<V, C>, body: Pin<&mut F>) -> R
    where
        S: Shape<R, Value = V>,
        C: Condition<V>,
        F: Future<Output = R>,
    {
        let Self(call) = self;
        let (site, shape) = (call.site, call.shape);
        site.count(Event::Miss);
        let permit = match call.prepare(&policy) {
            None => None,
            Some(full_key) => match call.read(full_key, &policy).await {
                Found::Value(value) => return shape.wrap(value),
                Found::Negative => match shape.none() {
                    Some(none) => return none,
                    // The same key read by a method that cannot say "not there".
                    None => None,
                },
                Found::Nothing(permit) => permit,
            },
        };

        let clock = call.cache.clock();
        let started = clock.now();
        let whole = body.await;
        site.count(Event::Load(clock.now().saturating_sub(started)));

        // A failure leaves before the next await: it need not be `Send`.
        let loaded = match shape.split(whole) {
            Outcome::Failed(whole) => return whole,
            Outcome::None(whole) => Err(whole),
            Outcome::Value(value) => Ok(value),
        };
        if let Some(permit) = permit {
            call.fill(permit, loaded.as_ref().ok(), &policy).await;
        }
        match loaded {
            Ok(value) => shape.wrap(value),
            Err(none) => none(),
        }
    }
}

impl<V, O: ValueOps<V>, S> Call<'_, V, O, S> {
    /// The full key, if this call can be cached at all.
    fn prepare<C>(&self, policy: &Policy<V, C>) -> Option<String> {
        let now = || self.cache.clock().now();
        if !self.site.admits(self.key.template(), self.ops.type_id()) {
            self.site
                .went_by(now(), &"this generic function cached a value of another type under its template");
            return None;
        }
        if self.template(policy).is_none() {
            self.site.went_by(now(), &"no time to live is known for the key; add `ttl = …`");
            return None;
        }
        match self.cache.prefix().full(self.key.as_str()) {
            Ok(full_key) => Some(full_key),
            Err(reason) => {
                self.site.went_by(now(), &reason);
                None
            }
        }
    }

    fn template<C>(&self, policy: &Policy<V, C>) -> Option<&'static Template> {
        let template = self.key.template();
        policy.ttl_for(template).map(|_| template)
    }

    async fn read<C>(&self, full_key: String, policy: &Policy<V, C>) -> Found<V> {
        let cache = self.cache;
        let permit =
            |lease| Found::Nothing(Some(Permit { cache: cache.clone(), full_key: full_key.clone(), lease }));
        match cache.bounded(cache.backend().read(&full_key)).await {
            Ok(Read::Hit(entry)) => match self.usable(&entry, policy) {
                Some(found) => {
                    self.site.count(Event::Hit);
                    found
                }
                None => {
                    self.site.count(Event::Unusable);
                    match cache.bounded(cache.backend().lease_over(&full_key, &entry)).await {
                        Ok(None) if cache.backend().capabilities().leases => Found::Nothing(None),
                        Ok(lease) => permit(lease),
                        Err(error) => self.failed(error),
                    }
                }
            },
            Ok(Read::Miss(lease)) => permit(lease),
            Ok(Read::Leased | Read::Barred) => Found::Nothing(None),
            Err(error) => self.failed(error),
        }
    }

    fn failed(&self, error: crate::error::BackendError) -> Found<V> {
        let cache = self.cache;
        self.site.failed(cache.clock().now(), &error.during(OPERATION, cache.backend().name()));
        Found::Nothing(None)
    }

    /// The value of an entry, unless it is of another version, too large or does not decode.
    fn usable<C>(&self, entry: &Entry, policy: &Policy<V, C>) -> Option<Found<V>> {
        let marks = Marks::from_metadata(entry.metadata.as_deref());
        if marks.version != policy.version_for(self.key.template())
            || entry.value.len() > self.cache.value_limit()
        {
            return None;
        }
        if marks.is_negative() {
            return Some(Found::Negative);
        }
        self.ops.decode(self.cache.codec(), &entry.value).map(Found::Value)
    }

    async fn fill<C: Condition<V>>(&self, mut permit: Permit, value: Option<&V>, policy: &Policy<V, C>) {
        let (cache, template) = (self.cache, self.key.template());
        let (ttl, bytes) = match value {
            Some(value) => {
                // A generic return may be a `Result` or an `Option`, which only the value can tell.
                if self.ops.classify(value) != Class::Value || !policy.stores(value) {
                    return;
                }
                match self.ops.encode(cache.codec(), value, cache.value_limit()) {
                    Ok(bytes) => (policy.ttl_for(template), bytes),
                    Err(error) => return self.site.failed(cache.clock().now(), &error),
                }
            }
            None => match policy.none_ttl_for(template) {
                Some(ttl) => (Some(ttl), bytes::Bytes::new()),
                None => return,
            },
        };
        let Some(ttl) = ttl else { return };
        let ttl = match ttl.checked(OPERATION) {
            Ok(ttl) => ttl,
            Err(error) => return self.site.failed(cache.clock().now(), &error),
        };
        let metadata = Marks::new(value.is_none(), policy.version_for(template)).to_metadata();
        let lease = permit.lease.take();
        let options = PutOptions { ttl, metadata };
        match cache.bounded(cache.backend().fill(&permit.full_key, lease, bytes, options)).await {
            Ok(true) => self.site.count(Event::Fill),
            Ok(false) => {}
            Err(error) => {
                self.site.failed(cache.clock().now(), &error.during(OPERATION, cache.backend().name()));
            }
        }
    }
}

/// `get_or_load` of the service.
pub(crate) async fn load_value<V: Value, E>(
    cache: &KvCacheService,
    key: RawKey,
    policy: Policy<V>,
    body: impl Future<Output = Result<V, E>>,
) -> Result<V, E> {
    static SITE: CallSite = CallSite::manual("KvCacheService::get_or_load");
    let call = cached(cache, &SITE, key, Witness::<V>::new(), shapes::Result);
    match call.lookup() {
        Lookup::Hit(hit) => hit.wrap(),
        Lookup::Miss(miss) => miss.load(policy, std::pin::pin!(body)).await,
    }
}

/// `get_or_load_optional` of the service.
pub(crate) async fn load_optional<V: Value, E>(
    cache: &KvCacheService,
    key: RawKey,
    policy: Policy<V>,
    body: impl Future<Output = Result<Option<V>, E>>,
) -> Result<Option<V>, E> {
    static SITE: CallSite = CallSite::manual("KvCacheService::get_or_load_optional");
    let call = cached(cache, &SITE, key, Witness::<V>::new(), shapes::ResultOption);
    match call.lookup() {
        Lookup::Hit(hit) => hit.wrap(),
        Lookup::Miss(miss) => miss.load(policy, std::pin::pin!(body)).await,
    }
}
