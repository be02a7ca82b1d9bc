//! Values by reference: read and loaded by hand, served from the local tier without a clone of the value.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;

use super::failures::Own;
use super::fill::Life;
use super::load::Call;
use super::lookup::Cached;
use super::policy::Policy;
use super::shape::shapes;
use super::site::{CallSite, Event};
use crate::classify::{Class, classify};
use crate::codec::{Codec, Marks};
use crate::error::Result;
use crate::key::RawKey;
use crate::service::KvCacheService;
use crate::store::Shared as Held;
use crate::value::{Value, ValueOps, ValueType};

/// What can be done with an `Arc` of a value as if it were the value: it is stored as that, and held in this process
/// as methods that return the value hold it. Serde need not know of `Arc`.
#[derive(Debug)]
struct Shared<V>(std::marker::PhantomData<fn() -> V>);

impl<V> Clone for Shared<V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<V> Copy for Shared<V> {}

impl<V: Value> ValueOps<Arc<V>> for Shared<V> {
    type Held = Arc<V>;
    type Lent = Arc<V>;

    fn borrow(self, held: &mut Option<Held>, _: usize) -> Option<Arc<V>> {
        held.as_ref().and_then(|held| self.unshare(held))
    }

    fn give_lent(self, lent: Arc<V>) -> Arc<V> {
        lent
    }

    fn hold(self, value: Arc<V>) -> Arc<V> {
        value
    }

    fn give(self, held: Arc<V>) -> Arc<V> {
        held
    }

    fn view(self, held: &Arc<V>) -> &Arc<V> {
        held
    }

    fn share(self, held: &Arc<V>) -> Held {
        Arc::<V>::clone(held)
    }

    fn unshare(self, held: &Held) -> Option<Arc<V>> {
        Held::clone(held).downcast().ok()
    }

    fn encode(self, codec: Codec, value: &Arc<V>, limit: usize) -> Result<Bytes> {
        codec.encode(&**value, limit, "cached call")
    }

    fn decode(self, codec: Codec, bytes: &[u8]) -> Option<Arc<V>> {
        codec.decode(bytes).map(Arc::new)
    }

    fn classify(self, value: &Arc<V>) -> Class {
        classify(&**value)
    }

    fn value_type(self) -> ValueType {
        ValueType::of::<V>()
    }
}

/// `get_or_load_shared` of the service.
pub(crate) async fn load_shared<V: Value, E>(
    cache: &KvCacheService,
    key: RawKey,
    policy: Policy<V>,
    body: impl Future<Output = Result<V, E>>,
) -> Result<Arc<V>, E> {
    static SITE: CallSite = CallSite::manual("KvCacheService::get_or_load_shared");
    let ops = Shared(std::marker::PhantomData);
    let policy = policy.of_shared();
    let call = Cached::new(cache, &SITE, key, ops, shapes::Result).with_policy(&policy);
    let miss = match call.lookup() {
        Ok(hit) => return hit.give(),
        Err(miss) => miss,
    };
    let body = pin!(async { body.await.map(Arc::new) });
    miss.load(policy, Own, body).await
}

/// `get_shared` of the service.
pub(crate) async fn read_shared<V: Value>(
    cache: &KvCacheService,
    full_key: &str,
    key: RawKey,
) -> Result<Option<Arc<V>>> {
    const OPERATION: &str = "get_shared";
    static SITE: CallSite = CallSite::manual("KvCacheService::get_shared");
    let store = cache.store();
    if cache.bypasses(full_key) {
        return Ok(None);
    }
    let ops = Shared(std::marker::PhantomData);
    let call = Call::new(cache, &SITE, &key, ops, shapes::Option);
    if let Some(held) = call.held_shared() {
        SITE.hit();
        return Ok(held);
    }
    SITE.count(Event::Miss);
    // Who leads may promote what it reads; it waits for nobody, and where it finds nothing the next one leads.
    let leader = store.flights.lead(cache.namespace(), call.key.as_str());
    let read = cache.bounded(cache.backend().get(full_key)).await;
    let Some(entry) = read.map_err(|error| error.during(OPERATION, cache.backend().name()))? else {
        return Ok(None);
    };
    let mut entries = cache.unless_stale_by_tags(OPERATION, vec![Some(entry)]).await?;
    let Some(entry) = entries.pop().flatten() else { return Ok(None) };
    let flown = cache.decode::<V>(OPERATION, &entry)?.map(Arc::new);
    let marks = Marks::from_metadata(entry.metadata.as_deref());
    // What has tags is held by those who know them.
    let is_plain = marks.version == call.version && marks.tags.is_empty();
    if let (true, true, Ok(fresh_for)) =
        (flown.is_some() && leader.is_some(), is_plain, marks.fresh_for(entry.expires_in))
    {
        let life = Life { fresh_for, window: marks.window(), size: entry.value.len() };
        call.promote(leader.as_ref(), &flown, life, None);
        call.answer(leader, &flown, false);
    }
    Ok(flown)
}
