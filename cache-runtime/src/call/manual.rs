//! The cached call by hand.

use std::future::Future;
use std::pin::pin;

use super::failures::Own;
use super::lookup::Cached;
use super::policy::Policy;
use super::shape::{Shape, ShapeKind, shapes};
use super::site::CallSite;
use crate::key::RawKey;
use crate::service::KvCacheService;
use crate::value::{Value, Witness};

/// `get_or_load` of the service.
pub(crate) async fn load_value<V: Value, E>(
    cache: &KvCacheService,
    key: RawKey,
    policy: Policy<V>,
    body: impl Future<Output = Result<V, E>>,
) -> Result<V, E> {
    static SITE: CallSite = CallSite::manual("KvCacheService::get_or_load");
    load(cache, &SITE, key, shapes::Result, policy, body).await
}

/// `get_or_load_optional` of the service.
pub(crate) async fn load_optional<V: Value, E>(
    cache: &KvCacheService,
    key: RawKey,
    policy: Policy<V>,
    body: impl Future<Output = Result<Option<V>, E>>,
) -> Result<Option<V>, E> {
    static SITE: CallSite = CallSite::manual("KvCacheService::get_or_load_optional");
    load(cache, &SITE, key, shapes::ResultOption, policy, body).await
}

async fn load<V: Value, R, S: ShapeKind + Shape<R, Value = V>>(
    cache: &KvCacheService,
    site: &'static CallSite,
    key: RawKey,
    shape: S,
    policy: Policy<V>,
    body: impl Future<Output = R>,
) -> R {
    let call = Cached::new(cache, site, key, Witness::<V>::new(), shape).with_policy(&policy);
    let miss = match call.lookup() {
        Ok(hit) => return hit.give(),
        Err(miss) => miss,
    };
    miss.load(policy, Own, pin!(body)).await
}
