//! Every way to change what is cached.

use std::fmt::Debug;
use std::time::Duration;

use cache_runtime::PutOptions;

use super::shop::{Failure, Shop};

const ANSWERS: &str = "memory answers";

fn done<T, E: Debug>(answer: Result<T, E>) {
    answer.expect(ANSWERS);
}

/// Who changes the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The service that reads it.
    Itself,
    /// Another service over the same backend.
    Another,
}

/// How the key is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Delete,
    DeleteMany,
    Clear,
    Set,
    SetMany,
    Increment,
    Decrement,
    Invalidates,
    InvalidatesByResult,
    InvalidatesAlways,
    Updates,
    BackendPut,
    BackendPutMany,
    BackendDelete,
    BackendDeleteMany,
    BackendDeletePrefix,
    BackendIncrement,
    BackendCompareAndSet,
    BackendWrite,
    BackendUpdate,
}

pub(crate) const WHO: [Who; 2] = [Who::Itself, Who::Another];

pub(crate) const WAYS: [Way; 20] = [
    Way::Delete,
    Way::DeleteMany,
    Way::Clear,
    Way::Set,
    Way::SetMany,
    Way::Increment,
    Way::Decrement,
    Way::Invalidates,
    Way::InvalidatesByResult,
    Way::InvalidatesAlways,
    Way::Updates,
    Way::BackendPut,
    Way::BackendPutMany,
    Way::BackendDelete,
    Way::BackendDeleteMany,
    Way::BackendDeletePrefix,
    Way::BackendIncrement,
    Way::BackendCompareAndSet,
    Way::BackendWrite,
    Way::BackendUpdate,
];

impl Way {
    /// Whether the key holds the new value afterwards; otherwise it holds none.
    pub(crate) fn stores(self) -> bool {
        match self {
            Self::Set
            | Self::SetMany
            | Self::Increment
            | Self::Decrement
            | Self::Updates
            | Self::BackendPut
            | Self::BackendPutMany
            | Self::BackendIncrement
            | Self::BackendCompareAndSet
            | Self::BackendUpdate => true,
            Self::Delete
            | Self::DeleteMany
            | Self::Clear
            | Self::Invalidates
            | Self::InvalidatesByResult
            | Self::InvalidatesAlways
            | Self::BackendDelete
            | Self::BackendDeleteMany
            | Self::BackendDeletePrefix
            | Self::BackendWrite => false,
        }
    }

    /// Makes `price` the price of 7 at the source, and then changes the key.
    pub(crate) async fn change(self, who: Who, shop: &Shop, price: u64) {
        let other = shop.another();
        let shop = if who == Who::Itself { shop } else { &other };
        shop.open_writes();
        shop.set_source(price);
        let (cache, key) = (&shop.cache, Shop::price_key(7));
        let (backend, full_key) = (&shop.backend, format!("app:{}", key.as_str()));
        let full_key = full_key.as_str();
        let bytes = || price.to_string().into();
        let held = cache.get(Shop::price_key(7)).await.expect(ANSWERS);
        let more = price.cast_signed() - held.unwrap_or(0).cast_signed();
        match self {
            Self::Delete => done(cache.delete(key).await),
            Self::DeleteMany => done(cache.delete_many([Shop::price_key(8), key]).await),
            Self::Clear => done(cache.clear().await),
            Self::Set => done(cache.set(key, &price, 300).await),
            Self::SetMany => done(cache.set_many([(key, &price)], 300).await),
            Self::Increment => done(cache.increment(key, more).await),
            Self::Decrement => done(cache.decrement(key, -more).await),
            Self::Invalidates => done(Ok::<_, Failure>(shop.reprice(7, price).await)),
            Self::InvalidatesByResult => done(Ok::<_, Failure>(shop.reprice_by_result(7, price).await)),
            Self::InvalidatesAlways => {
                assert_eq!(shop.reprice_and_fail(7, price).await, Err(Failure(price)));
            }
            Self::Updates => done(Ok::<_, Failure>(shop.replace(7, price).await)),
            Self::BackendPut => {
                done(backend.put(full_key, bytes(), PutOptions::default()).await);
            }
            Self::BackendPutMany => {
                let entries = vec![(full_key.to_owned(), bytes(), PutOptions::default())];
                done(backend.put_many(entries).await);
            }
            Self::BackendDelete => done(backend.delete(full_key).await),
            Self::BackendDeleteMany => done(backend.delete_many(&[full_key]).await),
            Self::BackendDeletePrefix => done(backend.delete_prefix("app:pri").await),
            Self::BackendIncrement => done(backend.increment(full_key, more, None).await),
            Self::BackendCompareAndSet => {
                let before = held.map(|held| held.to_string());
                let expected = before.as_deref().map(str::as_bytes);
                let swapped =
                    backend.compare_and_set(full_key, expected, bytes(), PutOptions::default()).await;
                assert!(swapped.expect(ANSWERS));
            }
            Self::BackendWrite | Self::BackendUpdate => {
                let token = backend.begin_write(&[full_key], Duration::from_secs(30)).await;
                let update = (self == Self::BackendUpdate).then(|| (bytes(), PutOptions::default()));
                let finished = backend.finish_write(&[full_key], token.expect(ANSWERS), update).await;
                assert_eq!(finished.expect(ANSWERS), self == Self::BackendUpdate);
            }
        }
    }
}
